# Built with the published base image or any other that has Node 24 and a user called node (--build-arg NODE_IMAGE=…); needs no BuildKit.
# The digest is what the tag named on 30 July 2026, Node 24.18.1, by docker-library/repo-info (repos/node/remote/24-slim.md at 2fb42a7).
# Renew it with each release: docker buildx imagetools inspect node:24-slim
ARG NODE_IMAGE=node:24-slim@sha256:235600a8101ab264e117b1768e925532262668dc9b581ef1dd7d96ced463b8e7

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: the compiler is plain JavaScript, and the embedded database and the second Node stay out of the image.
RUN npm ci --include=dev --ignore-scripts
COPY tsconfig.json ./
COPY .ci/tsconfig.build.json .ci/
COPY src src
RUN node node_modules/typescript/bin/tsc --project .ci/tsconfig.build.json

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Dunwell" \
      org.opencontainers.image.description="A headless receivables service over HTTP and PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
# HOST, because a loopback address inside a container is out of everybody's reach.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
COPY package.json LICENSE NOTICE ./
COPY --from=dependencies /app/node_modules node_modules
COPY drizzle/*.sql drizzle/
COPY drizzle/meta drizzle/meta
COPY openapi/openapi.json openapi/
COPY --from=build /app/dist dist
# The files stay root's, so that the service cannot change itself.
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The exec form makes Node the first process, which receives SIGTERM itself and drains. `migrate` and the others are arguments.
ENTRYPOINT ["node", "--enable-source-maps", "dist/cli.js"]
CMD ["serve"]
