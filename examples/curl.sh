#!/bin/sh
# Creates a user, gives it a picture, changes it, finds it, and deletes it.
#
#   examples/curl.sh [http://127.0.0.1:8000]        with TOKEN set where the server asks for one
set -eu
api=${1:-http://127.0.0.1:8000}
here=$(dirname "$0")
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# call METHOD PATH [OPTION...]: the body of the answer; anything but success ends the script with the problem shown.
call() {
  method=$1 path=$2
  shift 2
  curl --silent --show-error --fail-with-body --request "$method" ${TOKEN:+--oauth2-bearer "$TOKEN"} "$@" "$api$path"
}
# member NAME: the text of a JSON member; enough for a script, not for the world.
member() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"; }
json='content-type: application/json'

# The key makes it safe to send this again when the answer was lost.
user=$(call POST /users -H "$json" -H "idempotency-key: $$-$(date +%s)" \
  -d "{\"userName\":\"ada-$$\",\"firstName\":\"Ada\",\"lastName\":\"Lovelace\",\"password\":\"correct horse battery staple\"}")
id=$(echo "$user" | member id)
echo "created $id"

# The picture goes straight to S3: ask where to, then send exactly what was announced.
picture=$here/../postman/pixel.gif
length=$(wc -c <"$picture" | tr -d ' ')
asked=$(call POST "/users/$id/avatar-uploads" -H "$json" -d "{\"contentType\":\"image/gif\",\"contentLength\":$length}")
upload=$(echo "$asked" | member uploadId)
curl --silent --show-error --fail-with-body -T "$picture" -H 'content-type: image/gif' "$(echo "$asked" | member url)"
until call GET "/users/$id/avatar-uploads/$upload" | grep -q '"state":"attached"'; do sleep 0.2; done
echo "the picture is $(call GET "/users/$id/avatar?size=64" --location --output "$answer" --write-out '%{content_type}, %{size_download} bytes')"

# If-Match: only if nobody else has changed it since.
etag=$(call GET "/users/$id" --head | tr -d '\r' | sed -n 's/^etag: //p')
call PATCH "/users/$id" -H "if-match: $etag" -H 'content-type: application/merge-patch+json' -d '{"lastName":"King"}' >"$answer"
echo "is now $(member firstName <"$answer") $(member lastName <"$answer")"

found=$(call GET /users --get --data-urlencode "filter=userName eq \"ada-$$\"" -d limit=10 | member id)
[ "$found" = "$id" ] && echo "found by name"

call POST /users/verify-password -H "$json" -d "{\"userName\":\"ada-$$\",\"password\":\"correct horse battery staple\"}" >"$answer"
echo "the password is right"

call DELETE "/users/$id"
echo "deleted"
