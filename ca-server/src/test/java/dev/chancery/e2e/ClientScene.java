package dev.chancery.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A server as clients that others wrote meet it: terms of service, another chain, an endpoint that
 * asks for account binding; and where these clients answer challenges.
 */
final class ClientScene implements AutoCloseable {
  private static final String BOUND = "bound";

  private final Path folder;
  private final Path home;
  private final RunningServer.Ports ports = RunningServer.Ports.free();
  private final int tlsAlpn01 = NameServer.freePort();
  private final NameServer names;
  private final RunningServer server;

  ClientScene(Path folder) throws Exception {
    this.folder = folder;
    this.home = folder.resolve("home");
    this.names = NameServer.start(folder.resolve("names"));
    List<String> settings = new ArrayList<>();
    settings.add(names.setting());
    settings.add("acme.validation.tlsAlpn01.port=" + tlsAlpn01);
    settings.add(
        "acme.endpoints={default: {issuer: issuing, profile: tls-server, termsOfService:"
            + " 'https://pki.chancery.test/terms'}, bound: {issuer: issuing, profile: tls-server,"
            + " externalAccountBinding: required}}");
    RunningServer.initialize(folder, ports, settings);
    CrossCertificate.write(
        home.resolve("ca/issuing.pem"), home.resolve("ca/cross.pem"), home.resolve("other.pem"));
    settings.add("issuers.0.alternateChains=[ca/cross.pem]");
    settings.add("roots=[root.pem, other.pem]");
    this.server = RunningServer.start(folder, ports, settings);
  }

  Path root() {
    return home.resolve("root.pem");
  }

  Path otherRoot() {
    return home.resolve("other.pem");
  }

  String directory() {
    return server.directoryUrl();
  }

  /** The directory of the endpoint that takes no account without a binding. */
  String boundDirectory() {
    return directory().replace("/acme/", "/acme/" + BOUND + "/");
  }

  int http01Port() {
    return ports.http01();
  }

  int tlsAlpn01Port() {
    return tlsAlpn01;
  }

  /** The DNS server, for clients that look whether their records are there. */
  String resolver() {
    return names.address();
  }

  /** A key that binds one account: kid and macKey. */
  JsonNode bindingKey() throws IOException, InterruptedException {
    return AcmeKey.JSON.readTree(
        CommandResult.of(
                folder,
                Map.of(),
                RunningServer.distribution() + "/bin/chancery",
                "binding",
                "create",
                "--endpoint",
                BOUND,
                "--label",
                "client",
                "--name",
                "*",
                "--name",
                "127.0.0.0/8",
                "--home",
                home.toString(),
                "--output",
                "json")
            .requireDone());
  }

  /** A script that runs with {@code txt NAME VALUE} at hand, which adds a TXT record. */
  Path script(String name, String text) throws IOException {
    Path script =
        Files.writeString(
            folder.resolve(name),
            """
            #!/bin/sh
            set -eu
            txt() {
              curl -sSf --data "{\\"host\\":\\"${1%%.}.\\",\\"value\\":\\"$2\\"}" %s/set-txt
            }
            %s
            """
                .formatted(names.managementUrl(), text));
    return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
  }

  /** A web server where challenges are looked for, of files that a client writes into a folder. */
  ChallengeTarget serve(Path answers) throws IOException {
    return new ChallengeTarget(
        http01Port(),
        token -> {
          try {
            return Files.readString(answers.resolve(token));
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  String log() throws IOException {
    return server.log();
  }

  @Override
  public void close() {
    server.close();
    names.close();
  }
}
