# The probe, around the static binary that docker/build.sh puts into the build context. There is
# nothing else in the image: no shell, no libraries, no package to patch.
FROM scratch

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="roundsman-probe" \
      org.opencontainers.image.description="Answers gRPC calls with this host's raw metrics, read from /proc at that moment" \
      org.opencontainers.image.source="https://github.com/roundsman/roundsman" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"

COPY roundsman-probe /bin/roundsman-probe

# Where the two read-only mounts are expected. Without them the probe stops at once and says so.
ENV ROUNDSMAN_PROBE_PROC=/host/proc \
    ROUNDSMAN_PROBE_ROOTFS=/host

# Nobody's: what the probe reads, everybody may read.
USER 65532:65532
EXPOSE 50051
# By reading the host, not merely by answering: a /proc that is none, or the container's own, is
# unhealthy, and a swarm rolls an update back that brings no other. Not often: Docker
# spends 60 ms of CPU to start a program in a container, two hundred times what a poll costs. Since
# Docker 25 the first check comes after 5 s, before that after the interval.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/bin/roundsman-probe", "health", "--service", "roundsman.v1.Probe"]
ENTRYPOINT ["/bin/roundsman-probe"]
CMD ["serve"]
