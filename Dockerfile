# Roster with its embedded engines, on :8000 (API), :8001 (DynamoDB) and :8002 (S3).
#
#   docker build -t roster .
#   docker run --rm -p 127.0.0.1:8000:8000 -e ROSTER_AUTH=open -v roster-data:/data roster

FROM rust:1.95-slim-bookworm AS build
WORKDIR /roster

# The dependencies in a layer of their own, built for an empty program: a change of our code leaves it alone.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src/bin \
 && touch src/lib.rs \
 && echo 'fn main() {}' > src/bin/roster.rs \
 && cargo build --locked --profile server --bin roster

# COPY keeps the files' times, which may be older than that build.
COPY . .
RUN touch src/lib.rs src/bin/roster.rs \
 && cargo build --locked --profile server --bin roster \
 && mkdir /data

FROM gcr.io/distroless/cc-debian12
COPY --from=build /roster/target/server/roster /usr/local/bin/roster
# A new volume takes its owner from here.
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
VOLUME /data
ENV ROSTER_LISTEN=0.0.0.0:8000 \
    ROSTER_DYNAMODB_LISTEN=0.0.0.0:8001 \
    ROSTER_S3_LISTEN=0.0.0.0:8002 \
    ROSTER_DATA=/data
EXPOSE 8000 8001 8002
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["/usr/local/bin/roster", "health", "--ready"]
ENTRYPOINT ["/usr/local/bin/roster"]
CMD ["serve"]
