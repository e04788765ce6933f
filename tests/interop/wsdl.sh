#!/usr/bin/env bash
# xmllint on what a node writes: its WSDLs are valid by the schema of WSDL 1.1, their inline schema is a valid XSD, and
# real answers and faults are valid by it. Run by `nodes.py`, which sets PEERGATE_A.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() { echo "wsdl.sh: $*" >&2; exit 1; }

# Posts the body element $2 with the envelope of SOAP version $1 and writes the answer's body element to the file $3.
ask() {
  local namespace type
  case $1 in
    soap) namespace=http://schemas.xmlsoap.org/soap/envelope/ type=text/xml ;;
    soap12) namespace=http://www.w3.org/2003/05/soap-envelope type=application/soap+xml ;;
  esac
  curl --silent --header "Content-Type: $type; charset=utf-8" --output "$work/answer" --data-binary @- \
    "$PEERGATE_A/$1" <<<"<s:Envelope xmlns:s='$namespace' xmlns='urn:peergate:v1'><s:Body>$2</s:Body></s:Envelope>"
  xmllint --noout "$work/answer"
  xmllint --xpath "$3" "$work/answer" >"$work/body" || die "no answer to $2: $(cat "$work/answer")"
  xmllint --noout --schema "$work/$1.xsd" "$work/body" || die "not valid by the schema: $(cat "$work/body")"
}

curl --silent --fail --output "$work/policy.wsdl" "$PEERGATE_A/soap?wsdl&policy"
xmllint --noout --nonet --schema schemas/wsdl.xsd "$work/policy.wsdl"

for version in soap soap12; do
  echo "  /$version?wsdl"
  curl --silent --fail --output "$work/$version.wsdl" "$PEERGATE_A/$version?wsdl"
  xmllint --noout --nonet --schema schemas/wsdl.xsd "$work/$version.wsdl"
  xmllint --xpath "//*[local-name()='types']/*[local-name()='schema']" "$work/$version.wsdl" >"$work/$version.xsd"
  body="//*[local-name()='Body']/*"
  detail="//*[local-name()='detail' or local-name()='Detail']/*"
  ask "$version" "<SearchFind><query>paper*</query><limit>50</limit></SearchFind>" "$body"
  ask "$version" "<NodeInfo/>" "$body"
  ask "$version" "<NodeStats/>" "$body"
  ask "$version" "<PeerList/>" "$body"
  ask "$version" "<OverlayList/>" "$body"
  ask "$version" "<ContentPublish><name>schema $version</name><data>AAEC</data><tags>x</tags></ContentPublish>" "$body"
  ask "$version" "<ContentList/>" "$body"
  ask "$version" "<TransferList/>" "$body"
  ask "$version" "<TransferStatus><transferId>nothing</transferId></TransferStatus>" "$detail"
done
