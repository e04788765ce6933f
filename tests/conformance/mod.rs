//! What the standards and the clients in use demand of a server. Each test of SOAP is named after the clause or the client
//! that forces it: `r1015` is a requirement of WS-I Basic Profile 1.1, `s11_4_2_3` section 4.2.3 of SOAP 1.1, `s12_2_6`
//! section 2.6 of SOAP 1.2 part 1, `wsa_3_4` section 3.4 of WS-Addressing 1.0, SOAP binding. XML-RPC, whose specification
//! is a page without clauses, has a folder of its own.

mod addressing;
mod clients;
mod delivery;
mod encodings;
mod faults;
mod headers;
mod hostile;
mod http_binding;
mod message;
mod processing;
mod retries;
mod wsdl;
mod xmlrpc;
