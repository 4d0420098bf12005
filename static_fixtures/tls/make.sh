#!/bin/sh
# Makes the throwaway certificates of this directory anew. Nobody may ever trust them: the keys are public.
# `openssl ca` is the one command of OpenSSL 3.0 that lets validity begin before today, so that no test
# depends on when they were made, or on a clock that is right.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
first=20000101000000Z
last=21000101000000Z

ecdsa() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
rsa() { openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1"; }
ed25519() { openssl genpkey -algorithm Ed25519 -out "$1"; }

# sign LAST-DAY NAME COMMON-NAME KEY EXTENSIONS ISSUER…: a certificate for a key, as the lines say.
sign() {
    end=$1 name=$2 subject=$3 key=$4 extensions=$5
    shift 5
    printf '[ca]\ndefault_ca=all\n[all]\ndatabase=%s\nnew_certs_dir=%s\nrand_serial=yes\ndefault_md=sha256\n' \
        "$work/database" "$work" > "$work/ca.conf"
    printf 'policy=any\nunique_subject=no\n[any]\norganizationName=optional\ncommonName=supplied\n' >> "$work/ca.conf"
    printf '%b' "$extensions" > "$work/extensions"
    : > "$work/database"
    openssl req -new -key "$key" -subj "/O=rproxy fixtures/CN=$subject" -out "$work/request"
    openssl ca -batch -notext -config "$work/ca.conf" -startdate "$first" -enddate "$end" \
        -extfile "$work/extensions" -in "$work/request" -out "$name.pem" "$@" 2> "$work/log" || { cat "$work/log"; exit 1; }
}

# authority NAME COMMON-NAME
authority() {
    ecdsa "$work/$1.key"
    sign "$last" "$1" "$2" "$work/$1.key" \
        'basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' \
        -selfsign -keyfile "$work/$1.key"
}

# signed AUTHORITY NAME COMMON-NAME USAGE NAMES [LAST-DAY]
signed() {
    extensions="basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=$4\n"
    extensions="$extensions${5:+subjectAltName=$5\n}authorityKeyIdentifier=keyid\n"
    sign "${6:-$last}" "$2" "$3" "$2.key" "$extensions" -cert "$1.pem" -keyfile "$work/$1.key"
}

localhost="DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:::1"

authority ca "rproxy fixtures authority"
ecdsa localhost.key
signed ca localhost localhost serverAuth "$localhost"
rsa localhost-rsa.key
signed ca localhost-rsa localhost serverAuth "$localhost"
ed25519 localhost-ed25519.key
signed ca localhost-ed25519 localhost serverAuth "$localhost"
ecdsa expired.key
signed ca expired localhost serverAuth "$localhost" 20010101000000Z

ecdsa client.key
signed ca client alice clientAuth ""

# Of somebody else: neither a server nor a client is to be believed for it.
authority other-ca "authority of somebody else"
ecdsa other.key
signed other-ca other mallory "clientAuth,serverAuth" "DNS:other.test"

chmod 644 ./*.key
