//! WS-Policy: what a caller may use beyond plain SOAP, for stacks that configure themselves by it.
//!
//! All of it is optional, so that a stack which reads the policy and can do none of it calls as plainly as one that does
//! not read it. It stands in a document of its own address, because several of the tried stacks stop at assertions that
//! they do not know.

/// What the binding holds in a WSDL with the policy.
pub const REFERENCE: &str =
    "<wsp:PolicyReference xmlns:wsp=\"http://www.w3.org/ns/ws-policy\" URI=\"#PeergatePolicy\"/>";

/// The policy: addressing, MTOM, and a token in the message, as text or as a digest, or none.
///
/// `AlwaysToRecipient` is what makes stacks send the token with each request and expect none in the answer.
pub const POLICY: &str = r##"<wsp:Policy wsu:Id="PeergatePolicy"
    xmlns:wsp="http://www.w3.org/ns/ws-policy"
    xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
    xmlns:wsoma="http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization"
    xmlns:sp="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702">
  <wsam:Addressing wsp:Optional="true">
    <wsp:Policy/>
  </wsam:Addressing>
  <wsoma:OptimizedMimeSerialization wsp:Optional="true"/>
  <wsp:ExactlyOne>
    <wsp:All/>
    <wsp:All>
      <sp:SupportingTokens>
        <wsp:Policy>
          <sp:UsernameToken sp:IncludeToken="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/AlwaysToRecipient">
            <wsp:Policy>
              <sp:WssUsernameToken11/>
            </wsp:Policy>
          </sp:UsernameToken>
        </wsp:Policy>
      </sp:SupportingTokens>
    </wsp:All>
    <wsp:All>
      <sp:SupportingTokens>
        <wsp:Policy>
          <sp:UsernameToken sp:IncludeToken="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/AlwaysToRecipient">
            <wsp:Policy>
              <sp:HashPassword/>
              <sp:WssUsernameToken11/>
            </wsp:Policy>
          </sp:UsernameToken>
        </wsp:Policy>
      </sp:SupportingTokens>
    </wsp:All>
  </wsp:ExactlyOne>
</wsp:Policy>"##;
