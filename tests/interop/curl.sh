#!/usr/bin/env bash
# curl against a node: a Range of a content that only the other node has, a publish over JSON that the other node finds,
# and a streamed PUT. Run by `nodes.py`, which sets PEERGATE_A, PEERGATE_B and PEERGATE_LIBRARY.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() { echo "curl.sh: $*" >&2; exit 1; }

# One field of the JSON document on standard input; a path such as hits.0.contentId.
field() {
  python3 -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value)' "$1"
}

json() { curl --silent --show-error --fail-with-body --json "$3" "$1/api/$2"; }

# The id of the one hit for the words $2 at $1, once it is found there.
find_one() {
  local found
  for _ in $(seq 200); do
    found=$(json "$1" search/find "{\"query\": \"$2\"}")
    if field hits.0.contentId <<<"$found" 2>"$work/nothing"; then return; fi
    sleep 0.05
  done
  die "nothing was found for $2: $found"
}

echo "  a Range of a content of the other node"
id=$(find_one "$PEERGATE_A" paper000)
original=$(echo "$PEERGATE_LIBRARY"/*paper000.txt)
status=$(curl --silent --range 10-109 --output "$work/part" --write-out '%{http_code}' "$PEERGATE_A/content/$id")
[ "$status" = 206 ] || die "a Range answered $status"
tail --bytes=+11 "$original" | head --bytes=100 | cmp - "$work/part" || die "the Range holds other bytes"
(cd "$work" && curl --silent --fail --remote-name --remote-header-name "$PEERGATE_A/content/$id")
curl --silent --fail --output "$work/whole" "$PEERGATE_A/content/$id"
cmp "$original" "$work/whole" || die "the content holds other bytes"

echo "  a publish over JSON that the other node finds"
published=$(json "$PEERGATE_A" content/publish '{"name": "curl publishes.txt", "data": "aGVsbG8="}' | field contentId)
[ "$(find_one "$PEERGATE_B" 'curl publishes')" = "$published" ] || die "the other node finds something else"
[ "$(curl --silent --fail "$PEERGATE_B/content/$published")" = hello ] || die "the other node gets other bytes"

echo "  a streamed PUT"
head --bytes=5000000 /dev/urandom >"$work/random"
put=$(curl --silent --fail-with-body --upload-file "$work/random" "$PEERGATE_A/content?name=curl%20uploads.bin")
id=$(field contentId <<<"$put")
curl --silent --fail "$PEERGATE_B/content/$id" | cmp - "$work/random" || die "what was put comes back changed"

echo "  a problem has its status and its media type"
problem=$(curl --silent --output "$work/problem" --write-out '%{http_code} %{content_type}' --json '{"limmit": 1}' \
  "$PEERGATE_A/api/search/find")
[ "$problem" = "400 application/problem+json" ] || die "an unknown field answered $problem"
