# The server, around the static binary that docker/build.sh puts into the build context. There is
# nothing else in the image but an empty folder for its data.
FROM scratch

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="roundsman" \
      org.opencontainers.image.description="Polls stateless probes, decides each host's health, keeps every poll" \
      org.opencontainers.image.source="https://github.com/roundsman/roundsman" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"

COPY roundsman /bin/roundsman
# A new volume takes its owner from here.
COPY --chown=65532:65532 data /var/lib/roundsman

# A container's own loopback is of no use to a browser, nor to who asks for the fleet's health
# (grpc.health.v1, as whoever is on the network may). So page and API want a token, or to be told that
# whoever reaches them may look: ROUNDSMAN_HTTP__TOKEN_FILE or ROUNDSMAN_HTTP__OPEN=true.
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
