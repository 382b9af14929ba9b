#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# make_certificates.sh DIRECTORY - what a cluster with TLS and its clients need, for a day:
#   ca.pem          the authority that both trust         other-ca.pem   one that nobody trusts
#   broker.pem      key and certificate of 127.0.0.1      client.p12     client's two, "weir-key"
#   client.pem      certificate of the client             client.key     its key, "weir-key"

set -eu
cd "$1"

# authority NAME: NAME.pem signed by itself, with NAME.key.
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
        -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" -addext basicConstraints=critical,CA:TRUE
}

# signed NAME SUBJECT: NAME.crt signed by the authority, with NAME-plain.key.
signed() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
        -keyout "$1-plain.key" -out "$1.csr"
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 \
        -extfile "$1.ext" -out "$1.crt"
}

authority ca
authority other-ca
signed broker 127.0.0.1
signed client weir
cat broker-plain.key broker.crt ca.pem >broker.pem
cat client.crt ca.pem >client.pem
openssl pkey -in client-plain.key -aes256 -passout pass:weir-key -out client.key
openssl pkcs12 -export -inkey client-plain.key -in client.crt -passout pass:weir-key \
    -out client.p12
