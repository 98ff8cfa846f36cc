# All four daemons in one image, and haproxy in front of them in another.
# Built by `docker compose build`; see compose.yaml.

FROM debian:bookworm-slim AS build
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /src
COPY shared/packages.sh shared/packages.sh
RUN bash shared/packages.sh run && rm -rf /var/lib/apt/lists/*
COPY gateway/web/package.json gateway/web/package-lock.json gateway/web/
RUN npm ci --prefix gateway/web --no-audit --no-fund --loglevel=error
COPY . .
RUN make -j2

FROM debian:bookworm-slim AS daemons
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
	ca-certificates curl libcjson1 libcurl4 libglib2.0-0 liblmdb0 \
	libmicrohttpd12 libnng1 libsqlite3-0 libstemmer0d libuuid1 libuv1 \
	libwebsockets17 libwebsockets-evlib-uv tzdata \
	&& rm -rf /var/lib/apt/lists/* \
	&& useradd --system --uid 10001 --home-dir /nonexistent taifas \
	&& install -d -o taifas -g taifas -m 0700 /var/lib/taifas
COPY --from=build /src/build/gateway /src/build/sessiond /src/build/agentd \
	/src/build/cleanupd /usr/local/bin/
COPY --from=build /src/build/web /usr/local/share/taifas/web
COPY agentd/tenants /usr/local/share/taifas/tenants
USER taifas
VOLUME /var/lib/taifas

FROM debian:bookworm-slim AS edge
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
	curl haproxy && rm -rf /var/lib/apt/lists/*
COPY gateway/edge.cfg /etc/haproxy/haproxy.cfg
USER haproxy
CMD ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
