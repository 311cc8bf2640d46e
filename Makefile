# make test is the one command that checks everything; it installs what it needs.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Phones that nobody here wrote, with the codecs (libopus0, libspandsp2) that ours are tested against; a player of
# the sound files we write; a mail server; a C compiler, which go test -race needs.
PACKAGES    := sip-tester baresip-core opus-tools python3-aiosmtpd gcc libc6-dev
COMMANDS    := sipp baresip opusdec aiosmtpd gcc

.PHONY: test tools build bench prompts

test: tools
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt these: $$unformatted"; exit 1; }
	go vet ./...
	go vet -tags static ./engine/media/...
	go run $(STATICCHECK) ./...
	go test -race -timeout 30m ./...
	go test -tags static ./engine/media/codec

# They come from Debian's packages; as an ordinary user this asks for sudo.
tools:
	@for c in $(COMMANDS); do command -v $$c >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
		$$sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -yq --no-install-recommends $(PACKAGES); \
	fi

build:
	CGO_ENABLED=0 go build -o belfry .

bench:
	go test -run '^$$' -bench . -benchmem ./engine/...

# Makes the prompts anew from their texts; needs festival.
prompts:
	go run ./stdlib/prompts/make
