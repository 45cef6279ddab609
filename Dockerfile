# nodoff as an image: docker build -t nodoff .
ARG NODE_VERSION=26
FROM node:${NODE_VERSION}-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run bundle

FROM node:${NODE_VERSION}-slim
ENV NODE_ENV=production NODOFF_LISTEN=:8090
WORKDIR /opt/nodoff
COPY --from=build /build/package.json /build/LICENSE /build/nodoff.schema.json ./
COPY --from=build /build/templates templates
COPY --from=build /build/dist dist
RUN mkdir -p /var/lib/nodoff && chown node:node /var/lib/nodoff
VOLUME /var/lib/nodoff
USER node
EXPOSE 8090
# No HEALTHCHECK: Traefik drops the routers of a container that is `starting` or `unhealthy`, and with labels on this
# container that would be every app's. Who wants one uses `node dist/main.js healthcheck`.
ENTRYPOINT ["node", "/opt/nodoff/dist/main.js"]
CMD ["serve"]
