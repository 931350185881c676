# The image: the program, and whom public servers are trusted by. It has no shell and no libraries, and needs none.
#
#   docker build --tag registry.example.com/fleetgate:0.1.0 .
#
# On the machine's own architecture; `docker buildx build --platform linux/amd64,linux/arm64` makes both.
ARG RUST=1.95
# What it is built with beside the usual: traces, which are off until somebody names a collector.
ARG FEATURES=otel

# Alpine's Rust links against musl, and statically. Its tools are BusyBox's, which know few long options.
FROM docker.io/library/rust:${RUST}-alpine AS build
ARG FEATURES
# Which the builder sets: each architecture keeps what it built to itself.
ARG TARGETARCH
RUN apk add --no-cache build-base ca-certificates cmake linux-headers perl
WORKDIR /source
COPY . .
# All sources are newer than what is kept of earlier builds: cargo goes by the time alone, and would take what it made
# of other sources for a build of these.
RUN --mount=type=cache,id=fleetgate-registry-$TARGETARCH,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=fleetgate-target-$TARGETARCH,target=/source/target,sharing=locked \
    find . -path ./target -prune -o -type f -exec touch {} + \
    && cargo build --locked --release --bin fleetgate --features "$FEATURES" \
    && install -D target/release/fleetgate /image/fleetgate
# One that asks for a loader could not start where there is none. That there is something to load says that it was looked at.
RUN readelf --program-headers /image/fleetgate > /headers \
    && grep -q LOAD /headers \
    && ! grep -q INTERP /headers
# For kubeconfigs that name no authority of their own.
RUN install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt

FROM scratch
LABEL org.opencontainers.image.source=https://github.com/fleetgate/fleetgate \
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /image /
# What a large review took is given back after so many ms, and not after a second, in which many more could take as much.
ENV MIMALLOC_PURGE_DELAY=10
# By number: a kubelet has to see that it is not root.
USER 65532:65532
EXPOSE 9443 8080
ENTRYPOINT ["/fleetgate"]
