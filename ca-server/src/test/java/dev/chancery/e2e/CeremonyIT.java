package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.SoftHsmToken;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The offline root as people make it: the distribution, a network namespace without interfaces, a
 * terminal at which every confirmation is typed, and OpenSSL to look at what came of it.
 */
@DisplayName("An offline root")
class CeremonyIT {
  private static final List<String> ITEMS = List.of("root", "web", "next", "root-ocsp", "crl");
  private static final String PLAN =
      """
      name: offline-root
      from: 2026-01-01T00:00:00Z
      until: 2036-01-01T00:00:00Z
      witnesses:
        threshold: 2
        allowedSigners: |
      %s
      token: {label: offline-root, initialize: true}
      root:
        keyId: "726f6f74"
        key: ec-p384
        subject: {organization: Tests, commonName: Offline Root}
        notAfter: 2046-01-01T00:00:00Z
      urls: {crl: "http://pki.example/crl/root.crl"}
      intermediates:
        - name: web
          csr: web.csr
          sha256: "@web.csr@"
          subject: {organization: Tests, commonName: Web CA}
          key: ec-p256
          notAfter: 2041-01-01T00:00:00Z
          pathLength: 0
        - name: next
          csr: next.csr
          sha256: "@next.csr@"
          subject: {organization: Tests, commonName: Next CA}
          key: ec-p256
          notAfter: 2041-01-01T00:00:00Z
          pathLength: 0
      ocspSigner:
        name: root-ocsp
        csr: root.csr
        sha256: "@root.csr@"
        key: ec-p256
        subject: {organization: Tests, commonName: Root OCSP}
        notAfter: 2037-01-01T00:00:00Z
      crl: {number: 1, validity: 365d}
      """;

  @TempDir Path folder;
  private Path in;
  private Path script;
  private RunningServer.Ports ports;

  @Test
  @Timeout(value = 3, unit = TimeUnit.MINUTES)
  @DisplayName(
      "is planned, rehearsed, made without a network, carried, verified, and a CA that is activated"
          + " issues below it")
  void fromPlanToVerification() throws Exception {
    script = distribution().resolve("scripts/root-ceremony.sh");
    ports = RunningServer.Ports.free();
    in = Files.createDirectories(folder.resolve("in"));
    prepare();

    // 1. The plan, in plain words, where there is no network as all that follows.
    assertThat(offline("cat", "/proc/self/net/dev").requireDone().lines().skip(2))
        .allMatch(line -> line.strip().startsWith("lo:"));
    assertThat(offline(script.toString(), "check", "in").requireDone())
        .contains("root: a new root O=Tests,CN=Offline Root", "Nothing else will be signed.");

    // 2. The rehearsal, with a token that is thrown away.
    String digest = digest();
    offline(script.toString(), "manifest", "in").requireDone();
    assertThat(typing(digest, ITEMS, "rehearse", "--in", "in", "--out", "rehearsal").requireDone())
        .contains("CN=REHEARSAL Offline Root", "The rehearsal is complete");

    // 3. The real one is refused without witnesses, then ended by a wrong word, then held.
    String[] real = real();
    assertThat(typing(digest, ITEMS, real).output()).contains("signed by 0 of 3 witnesses");
    sign("in", "plan.yaml", "plan", "anna");
    sign("in", "plan.yaml", "plan", "bert");
    offline(script.toString(), "manifest", "in").requireDone();
    sign("in", "MANIFEST", "manifest", "carla");
    CommandResult ended = typing(digest, List.of("root", "wbe"), real);
    assertThat(ended.exitCode()).isNotZero();
    assertThat(ended.output()).contains("what was typed is not web");
    assertThat(typing(digest, ITEMS.subList(1, ITEMS.size()), real).requireDone())
        .contains("signed:   root", "The ceremony is complete");

    // 4. The witnesses, the transport, and the check on another machine.
    sign("out", "transcript.jsonl", "transcript", "anna");
    sign("out", "transcript.jsonl", "transcript", "carla");
    offline(script.toString(), "manifest", "out").requireDone();
    sign("out", "MANIFEST", "manifest", "bert");
    command("mv", "out", "carried").requireDone();
    assertThat(offline(script.toString(), "verify", "--carried", "carried").requireDone())
        .contains(digest, String.join(", ", ITEMS));

    // 5. What others make of it.
    command("openssl", "verify", "-x509_strict", "-CAfile", "carried/root.pem", "carried/web.pem")
        .requireDone();
    command(
            "openssl",
            "crl",
            "-inform",
            "DER",
            "-in",
            "carried/root.crl",
            "-CAfile",
            "carried/root.pem",
            "-noout")
        .requireDone();
    assertThat(
            command("openssl", "x509", "-in", "carried/root-ocsp.pem", "-noout", "-text")
                .requireDone())
        .contains("OCSP Signing", "OCSP No Check");

    // 6. The server's side: the certificates come home, and the first one is issued below them.
    assertThat(taken("web", "0".repeat(64)).output()).contains("the plan has SHA-256 " + digest);
    assertThat(taken("web", digest).requireDone())
        .contains(
            "imported: O=Tests,CN=Web CA",
            "imported: the root's CRL number 1",
            "imported: the OCSP signer of root, O=Tests,CN=Root OCSP");
    // Done again it does what is left, which is nothing.
    assertThat(taken("web", digest).requireDone())
        .contains("imported: O=Tests,CN=Web CA", "that the ledger did not know: 0");
    assertThat(taken("next", digest).requireDone()).contains("imported: O=Tests,CN=Next CA");
    serve();

    Files.writeString(carried("web.pem"), Files.readString(carried("root.pem")));
    assertThat(command(script.toString(), "verify", "--carried", "carried").output())
        .contains("web.pem: not the file of the manifest");
  }

  private Path carried(String file) {
    return folder.resolve("carried").resolve(file);
  }

  private void prepare() throws Exception {
    StringBuilder signers = new StringBuilder();
    for (String witness : List.of("anna", "bert", "carla")) {
      command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", witness).requireDone();
      signers
          .append("    ")
          .append(witness)
          .append(' ')
          .append(Files.readString(folder.resolve(witness + ".pub")));
    }
    home();
    String plan = PLAN.replace("%s", signers.toString().stripTrailing());
    for (String request : List.of("web.csr", "next.csr", "root.csr")) {
      plan = plan.replace("@" + request + "@", digest(request));
    }
    Files.writeString(in.resolve("plan.yaml"), plan);
    Path store = Files.createDirectories(folder.resolve("real/tokens"));
    Files.writeString(
        folder.resolve("real/softhsm2.conf"),
        "directories.tokendir = " + store + "\nobjectstore.backend = file\nlog.level = ERROR\n");
    Files.writeString(folder.resolve("real/pin"), SoftHsmToken.PIN);
    Files.writeString(folder.resolve("real/so-pin"), "test-so-pin-1234");
  }

  /** A home whose issuers, and the signer of the root's OCSP answers, ask for certificates. */
  private void home() throws Exception {
    Path home = Files.createDirectories(folder.resolve("home"));
    CommandResult made =
        command(
            distribution().resolve("scripts/softhsm-init.sh").toString(),
            "--dir",
            "home/token",
            "--label",
            "online");
    made.requireDone();
    try (Stream<Path> profiles = Files.list(distribution().resolve("config/profiles"))) {
      Files.createDirectories(home.resolve("profiles"));
      for (Path profile : profiles.toList()) {
        Files.copy(profile, home.resolve("profiles").resolve(profile.getFileName()));
      }
    }
    Files.writeString(
        home.resolve("chancery.yaml"),
        """
        token:
          library: %s
          label: online
          pinFile: token/online.pin
          environment: {SOFTHSM2_CONF: token/softhsm2.conf}
        listeners:
          public: {host: 127.0.0.1, port: %d}
          api: {host: 127.0.0.1, port: %d}
          admin: {port: %d}
          management: {port: %d}
        roots: [root.pem]
        issuers:
          - {name: web, certificate: ca/web.pem, keyId: "776562", ocspKeyId: "6f637370"}
          - {name: next, certificate: ca/next.pem, keyId: "6e657874", ocspKeyId: "6f637371"}
        ocsp:
          foreign:
            - name: root
              certificate: root.pem
              crl: http://127.0.0.1:%d/crl/root.crl
              signerCertificate: ca/root-ocsp.pem
              signerKeyId: "6f637372"
        acme:
          endpoints: {default: {issuer: web, profile: tls-server}}
          validation: {http01: {port: %d}}
        """
            .formatted(
                SoftHsmToken.installedLibrary(),
                ports.publicListener(),
                ports.api(),
                ports.admin(),
                ports.management(),
                ports.publicListener(),
                ports.http01()));
    request("issuer", "web", "Web CA");
    request("issuer", "next", "Next CA");
    request("ocsp", "root", "Root OCSP");
  }

  private void request(String kind, String name, String commonName) throws Exception {
    chancery(kind, "request", name, "--organization", "Tests", "--common-name", commonName)
        .requireDone();
    Files.copy(folder.resolve("home/ca/" + name + ".csr"), in.resolve(name + ".csr"));
  }

  private CommandResult taken(String issuer, String planDigest) throws Exception {
    return chancery("issuer", "import", issuer, "--from", "carried", "--plan-sha256", planDigest);
  }

  private CommandResult chancery(String... words) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(distribution().resolve("bin/chancery").toString());
    command.addAll(List.of(words));
    command.addAll(List.of("--home", "home"));
    return command(command.toArray(String[]::new));
  }

  /** The server is there with what came home, and the first certificate is ordered of it. */
  private void serve() throws Exception {
    Path log = folder.resolve("serve.log");
    Path hosts =
        Files.writeString(
            folder.resolve("hosts"), "127.0.0.1 localhost " + RunningServer.NAME + "\n");
    ProcessBuilder builder =
        new ProcessBuilder(
                distribution().resolve("bin/chancery").toString(), "serve", "--home", "home")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("CHANCERY_JAVA_OPTS", "-Djdk.net.hosts.file=" + hosts);
    Process server = builder.start();
    try {
      Awaitility.await()
          .atMost(Duration.ofMinutes(2))
          .until(() -> Files.readString(log).contains("ready: ") || !server.isAlive());
      assertThat(Files.readString(log)).contains("ready: ");
      requireServed();
      chancery("issuer", "activate", "next", "--instead-of", "web").requireDone();
      firstCertificate();
    } finally {
      server.destroy();
      assertThat(server.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  /** Its own certificate is below the root, whose CRL and OCSP answers it has. */
  private void requireServed() throws Exception {
    String seen =
        command(
                "bash",
                "-c",
                "openssl s_client -connect 127.0.0.1:%d -servername localhost -CAfile"
                        .formatted(ports.api())
                    + " carried/root.pem -verify_return_error < /dev/null")
            .requireDone();
    assertThat(seen).contains("Verify return code: 0 (ok)", "CN = Web CA");
    HttpResponse<byte[]> crl =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(
                        URI.create(
                            "http://127.0.0.1:%d/crl/root.crl".formatted(ports.publicListener())))
                    .build(),
                HttpResponse.BodyHandlers.ofByteArray());
    assertThat(crl.body()).isEqualTo(Files.readAllBytes(carried("root.crl")));
    // It reads the root's CRL from itself, as soon as it serves it.
    Awaitility.await("an OCSP answer of the root")
        .atMost(Duration.ofMinutes(1))
        .until(() -> {
          String answer =
              command(
                      "openssl",
                      "ocsp",
                      "-issuer",
                      "carried/root.pem",
                      "-cert",
                      "carried/web.pem",
                      "-CAfile",
                      "carried/root.pem",
                      "-url",
                      "http://127.0.0.1:%d/ocsp".formatted(ports.publicListener()))
                  .output();
          return answer.contains("Response verify OK") && answer.contains("web.pem: good");
        });
  }

  private void firstCertificate() throws Exception {
    AcmeCalls acme =
        new AcmeCalls(
            HttpClient.newBuilder().sslContext(Trust.in(carried("root.pem"))).build(),
            URI.create("https://localhost:%d/acme/directory".formatted(ports.api())));
    acme.register();
    try (ChallengeTarget _ = new ChallengeTarget(ports.http01(), acme.thumbprint())) {
      AcmeOrder.Issued issued = AcmeOrder.obtain(acme, AcmeKey.pairOfKeys(), RunningServer.NAME);
      Files.writeString(folder.resolve("first.pem"), issued.chain());
    }
    String verified =
        command(
                "openssl",
                "verify",
                "-x509_strict",
                "-show_chain",
                "-CAfile",
                "carried/root.pem",
                "-untrusted",
                "first.pem",
                "first.pem")
            .requireDone();
    assertThat(verified).contains("first.pem: OK", "CN = Next CA", "CN = Offline Root");
    assertThat(verified).doesNotContain("Web CA");
  }

  private static Path distribution() {
    return Path.of(System.getProperty("chancery.distribution"));
  }

  private String[] real() {
    return new String[] {
      "run",
      "--in",
      "in",
      "--out",
      "out",
      "--library",
      SoftHsmToken.installedLibrary().toString(),
      "--environment",
      "SOFTHSM2_CONF=" + folder.resolve("real/softhsm2.conf"),
      "--pin-file",
      "real/pin",
      "--so-pin-file",
      "real/so-pin"
    };
  }

  private String digest() throws Exception {
    return digest("plan.yaml");
  }

  private String digest(String file) throws Exception {
    byte[] octets = Files.readAllBytes(in.resolve(file));
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(octets));
  }

  private void sign(String directory, String file, String purpose, String witness)
      throws Exception {
    String path = directory + "/" + file;
    command("ssh-keygen", "-q", "-Y", "sign", "-n", "chancery-" + purpose, "-f", witness, path)
        .requireDone();
    command("mv", path + ".sig", path + "." + witness + ".sig").requireDone();
  }

  /** A step in a namespace without a network, typed at a terminal that script(1) makes. */
  private CommandResult typing(String digest, List<String> items, String... step) throws Exception {
    List<String> words = new ArrayList<>(List.of(script.toString()));
    words.addAll(List.of(step));
    Files.writeString(
        folder.resolve("typed"),
        digest.substring(0, 32) + "\n" + String.join("\n", items) + "\n",
        StandardCharsets.US_ASCII);
    return offline("bash", "-c", "script -qec '" + String.join(" ", words) + "' /dev/null < typed");
  }

  /** A command in a network namespace of its own: it has a loopback that is not up, and no more. */
  private CommandResult offline(String... command) throws Exception {
    List<String> isolated = new ArrayList<>(List.of("unshare", "-rn"));
    isolated.addAll(List.of(command));
    return command(isolated.toArray(String[]::new));
  }

  private CommandResult command(String... command) throws Exception {
    return CommandResult.of(folder, Map.of(), command);
  }
}
