# Both images for those who have Docker and no Rust: the binaries are compiled in a stage of their
# own. From the repository's root:
#
#   docker build -f docker/from-source.Dockerfile --target probe  -t roundsman-probe .
#   docker build -f docker/from-source.Dockerfile --target server -t roundsman .
#
# Both stages at the end are those of probe.Dockerfile and server.Dockerfile, where they are
# explained.
FROM rust:1-slim-bookworm AS build
# npm fetches the page's chart library; without it there would be no charts.
RUN apt-get update -q && apt-get install -qy --no-install-recommends gcc libc6-dev npm ca-certificates
WORKDIR /source
COPY . .
# Static against glibc. The target is named so that build scripts are not linked that way, too.
ENV RUSTFLAGS="-C target-feature=+crt-static" \
    CARGO_PROFILE_DIST_STRIP=symbols
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && cargo build --profile dist --locked --target "$target" --target-dir /target \
        -p roundsman-probe -p roundsman --bins \
    && mkdir /out /out/data \
    && cp "/target/$target/dist/roundsman-probe" "/target/$target/dist/roundsman" /out/

FROM scratch AS probe
LABEL org.opencontainers.image.title="roundsman-probe" \
      org.opencontainers.image.source="https://github.com/roundsman/roundsman" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/roundsman-probe /bin/roundsman-probe
ENV ROUNDSMAN_PROBE_PROC=/host/proc \
    ROUNDSMAN_PROBE_ROOTFS=/host
USER 65532:65532
EXPOSE 50051
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/bin/roundsman-probe", "health", "--service", "roundsman.v1.Probe"]
ENTRYPOINT ["/bin/roundsman-probe"]
CMD ["serve"]

FROM scratch AS server
LABEL org.opencontainers.image.title="roundsman" \
      org.opencontainers.image.source="https://github.com/roundsman/roundsman" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/roundsman /bin/roundsman
COPY --from=build --chown=65532:65532 /out/data /var/lib/roundsman
ENV ROUNDSMAN_HTTP__LISTEN=0.0.0.0:8080 \
    ROUNDSMAN_GRPC__LISTEN=0.0.0.0:50052 \
    ROUNDSMAN_INVENTORY=/etc/roundsman/inventory.toml \
    ROUNDSMAN_DATA=/var/lib/roundsman
USER 65532:65532
EXPOSE 8080 50052
VOLUME ["/var/lib/roundsman"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/bin/roundsman", "health"]
ENTRYPOINT ["/bin/roundsman"]
CMD ["serve"]
