# nodoff as an image: docker build -t nodoff .
# For another architecture: --platform linux/arm64, or NODE_IMAGE=arm64v8/node:26-slim. Nothing in the result is native.
ARG NODE_IMAGE=node:26-slim
FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run package

FROM ${NODE_IMAGE}
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="nodoff" \
  org.opencontainers.image.description="Puts self-hosted services to sleep when nobody uses them and wakes them on the first request" \
  org.opencontainers.image.licenses="GPL-3.0-or-later" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
# One arena: of those malloc makes per thread, what V8 compiles with stays behind; 10 MB less with 10,000 routes.
ENV NODE_ENV=production NODOFF_LISTEN=:8090 NODE_COMPILE_CACHE=/opt/nodoff/cache MALLOC_ARENA_MAX=1
WORKDIR /opt/nodoff
COPY --from=build /build/package ./
# `docker exec … nodoff status`, as the documents say it.
RUN mkdir -p cache /var/lib/nodoff /usr/local/bin && chown 1000:1000 cache /var/lib/nodoff \
  && printf '#!/bin/sh\nexec node /opt/nodoff/dist/main.cjs "$@"\n' >/usr/local/bin/nodoff && chmod 755 /usr/local/bin/nodoff
# By number: an orchestrator that refuses root cannot look up names.
USER 1000:1000
# Runs it once with its own proxy and its API, so that V8's compiled code is kept: a start takes half the time. It is kept per user.
RUN printf 'listen: { proxy: 127.0.0.1:0 }\nstate_dir: /tmp/warm\nproviders: { local: { type: docker } }\n' >/tmp/warm.yaml \
  && { node dist/main.cjs serve --config /tmp/warm.yaml & pid=$!; sleep 5; node dist/main.cjs healthcheck && kill "$pid" && wait "$pid"; } \
  && rm -rf /tmp/warm /tmp/warm.yaml
VOLUME /var/lib/nodoff
EXPOSE 8090
# No HEALTHCHECK: Traefik drops the routers of a container that is `starting` or `unhealthy`, and with labels on this
# container that would be every app's. Who wants one uses `node dist/main.cjs healthcheck`.
ENTRYPOINT ["node", "/opt/nodoff/dist/main.cjs"]
CMD ["serve"]
