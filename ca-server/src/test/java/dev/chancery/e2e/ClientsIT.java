package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** Clients that Debian has, as their users run them (docs/clients.md). */
@DisplayName("ACME clients of others")
class ClientsIT {
  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  static Path shared;

  private static ClientScene scene;

  @TempDir Path folder;
  private OpenSsl openssl;

  @BeforeAll
  static void serve() throws Exception {
    scene = new ClientScene(shared);
  }

  @AfterAll
  static void stop() {
    scene.close();
  }

  @BeforeEach
  void relyOnTheRoot() {
    openssl = new OpenSsl(folder, scene.root());
  }

  /** Whatever a client does, it meets no defect. */
  @AfterEach
  void noDefect() throws IOException {
    assertThat(scene.log()).doesNotContain("met a defect");
  }

  private static void require(String command) {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(path -> Files.isExecutable(Path.of(path, command))),
        command + " is not installed");
  }

  private String run(Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    return CommandResult.of(folder, environment, command.toArray(String[]::new)).requireDone();
  }

  private static List<String> with(List<String> first, String... more) {
    List<String> all = new ArrayList<>(first);
    all.addAll(List.of(more));
    return all;
  }

  private String text(Path certificate) throws IOException, InterruptedException {
    return run(
        Map.of(), List.of("openssl", "x509", "-noout", "-text", "-in", certificate.toString()));
  }

  @Test
  @DisplayName("certbot: webroot, RFC 8555 7.6 revocation by the certificate's key, 7.3 account")
  void certbotWebroot() throws Exception {
    Path webroot = Files.createDirectories(folder.resolve("webroot"));
    Certbot certbot = new Certbot(folder.resolve("certbot"), scene.root(), "webroot.chancery.test");
    try (ChallengeTarget _ = scene.serve(webroot.resolve(".well-known/acme-challenge"))) {
      certbot.obtain(
          scene.directory(),
          "--webroot",
          "--webroot-path",
          webroot.toString(),
          "--key-type",
          "rsa");
      certbot.renew();
    }
    certbot.updateAccount(scene.directory(), "admin@chancery.test");
    certbot.revoke(
        certbot.certificate(1), scene.directory(), "--key-path", certbot.key(1).toString());
    assertThat(openssl.ocsp(certbot.certificate(1), certbot.chain(1))).contains(": revoked");
    assertThat(openssl.ocsp(certbot.certificate(2), certbot.chain(2))).contains(": good");
    certbot.unregister(scene.directory());
  }

  @Test
  @DisplayName("certbot: dns-01 by hooks, a wildcard and its renewal, RFC 8555 7.4.2 other chain")
  void certbotDns() throws Exception {
    Path hook =
        scene.script(
            "certbot-hook", "txt \"_acme-challenge.$CERTBOT_DOMAIN\" \"$CERTBOT_VALIDATION\"");
    Certbot certbot = new Certbot(folder.resolve("certbot"), scene.root(), "dns.chancery.test");
    certbot.obtain(
        scene.directory(),
        "--manual",
        "--preferred-challenges",
        "dns",
        "--manual-auth-hook",
        hook.toString(),
        "--domain",
        "*.dns.chancery.test",
        "--preferred-chain",
        CrossCertificate.ROOT);
    assertThat(text(certbot.certificate(1)))
        .contains("DNS:dns.chancery.test")
        .contains("DNS:*.dns.chancery.test");
    assertThat(text(certbot.chain(1))).contains("Issuer: CN = " + CrossCertificate.ROOT);
    assertThat(
            new OpenSsl(folder, scene.otherRoot())
                .verify(certbot.certificate(1), certbot.chain(1))
                .requireDone())
        .contains("OK");
    certbot.renew();
    assertThat(text(certbot.certificate(2))).contains("DNS:*.dns.chancery.test");
  }

  @Test
  @DisplayName("certbot: RFC 8555 7.3.4 external account binding, refused without")
  void certbotBinding() throws Exception {
    Certbot certbot = new Certbot(folder.resolve("certbot"), scene.root(), "eab.chancery.test");
    String port = Integer.toString(scene.http01Port());
    String[] standalone = {
      "--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", port
    };
    assertThat(catchThrowable(() -> certbot.obtain(scene.boundDirectory(), standalone)))
        .hasMessageContaining("external");
    JsonNode key = scene.bindingKey();
    certbot.obtain(
        scene.boundDirectory(),
        with(
                List.of(standalone),
                "--eab-kid",
                key.path("kid").asText(),
                "--eab-hmac-key",
                key.path("macKey").asText())
            .toArray(String[]::new));
    assertThat(openssl.verify(certbot.certificate(1), certbot.chain(1)).requireDone())
        .contains("OK");
  }

  private List<String> lego(String directory, String... options) {
    return with(
        List.of(
            "lego",
            "--server",
            directory,
            "--accept-tos",
            "--email",
            "admin@chancery.test",
            "--path",
            folder.resolve("lego").toString()),
        options);
  }

  private Path lego(String file) {
    return folder.resolve("lego/certificates").resolve(file);
  }

  private Map<String, String> legoEnvironment(String... more) {
    Map<String, String> environment =
        new HashMap<>(Map.of("LEGO_CA_CERTIFICATES", scene.root().toString()));
    for (int i = 0; i < more.length; i += 2) {
      environment.put(more[i], more[i + 1]);
    }
    return environment;
  }

  @Test
  @DisplayName("lego: RFC 8555 8.3 http-01, renewal, revocation")
  void legoHttp() throws Exception {
    require("lego");
    List<String> lego =
        lego(
            scene.directory(),
            "--http",
            "--http.port",
            "127.0.0.1:" + scene.http01Port(),
            "--domains",
            "lego.chancery.test");
    run(legoEnvironment(), with(lego, "run"));
    Path certificate = lego("lego.chancery.test.crt");
    Path chain = lego("lego.chancery.test.issuer.crt");
    String first = Files.readString(certificate);
    assertThat(openssl.verify(certificate, chain).requireDone()).contains("OK");
    run(legoEnvironment(), with(lego, "renew", "--days", "4000", "--no-random-sleep"));
    assertThat(Files.readString(certificate)).isNotEqualTo(first);
    run(legoEnvironment(), with(lego, "revoke", "--keep", "--reason", "4"));
    assertThat(openssl.ocsp(certificate, chain)).contains(": revoked").contains("superseded");
    assertThat(openssl.ocsp(Files.writeString(folder.resolve("first.pem"), first), chain))
        .contains(": good");
  }

  @Test
  @DisplayName("lego: RFC 8737 tls-alpn-01, RFC 8555 7.3.4 external account binding")
  void legoTls() throws Exception {
    require("lego");
    JsonNode key = scene.bindingKey();
    run(
        legoEnvironment(),
        lego(
            scene.boundDirectory(),
            "--tls",
            "--tls.port",
            "127.0.0.1:" + scene.tlsAlpn01Port(),
            "--domains",
            "tls.chancery.test",
            "--eab",
            "--kid",
            key.path("kid").asText(),
            "--hmac",
            key.path("macKey").asText(),
            "run"));
    assertThat(
            openssl
                .verify(lego("tls.chancery.test.crt"), lego("tls.chancery.test.issuer.crt"))
                .requireDone())
        .contains("OK");
  }

  @Test
  @DisplayName("lego: RFC 8555 8.4 dns-01, a wildcard, 7.4.2 other chain")
  void legoDns() throws Exception {
    require("lego");
    Path hook = scene.script("lego-hook", "[ \"$1\" = cleanup ] || txt \"$2\" \"$3\"");
    run(
        // Otherwise it waits a minute between the two proofs, for a DNS server slower than this
        // one.
        legoEnvironment("EXEC_PATH", hook.toString(), "EXEC_SEQUENCE_INTERVAL", "1"),
        lego(
            scene.directory(),
            "--dns",
            "exec",
            "--dns.resolvers",
            scene.resolver(),
            "--dns.disable-cp",
            "--domains",
            "*.legodns.chancery.test",
            "--domains",
            "legodns.chancery.test",
            "--key-type",
            "ec384",
            "run",
            "--preferred-chain",
            CrossCertificate.ROOT));
    Path certificate = lego("_.legodns.chancery.test.crt");
    assertThat(text(certificate)).contains("DNS:*.legodns.chancery.test");
    assertThat(
            new OpenSsl(folder, scene.otherRoot())
                .verify(certificate, lego("_.legodns.chancery.test.issuer.crt"))
                .requireDone())
        .contains("OK");
  }

  @Test
  @DisplayName("dehydrated: http-01, dns-01 for a wildcard, revocation")
  void dehydrated() throws Exception {
    require("dehydrated");
    Path hook =
        scene.script(
            "dehydrated-hook",
            "[ \"$1\" != deploy_challenge ] || txt \"_acme-challenge.$2\" \"$4\"");
    Path tokens = Files.createDirectories(folder.resolve("tokens"));
    Path config =
        Files.writeString(
            folder.resolve("dehydrated.conf"),
            """
            CA=%s
            BASEDIR=%s
            WELLKNOWN=%s
            CURL_OPTS="--cacert %s"
            HOOK=%s
            OCSP_FETCH=no
            """
                .formatted(scene.directory(), folder, tokens, scene.root(), hook));
    List<String> dehydrated = List.of("dehydrated", "--config", config.toString());
    run(Map.of(), with(dehydrated, "--register", "--accept-terms"));
    try (ChallengeTarget _ = scene.serve(tokens)) {
      run(
          Map.of(),
          with(
              dehydrated,
              "--cron",
              "--domain",
              "dehydrated.chancery.test",
              "--challenge",
              "http-01"));
    }
    run(
        Map.of(),
        with(
            dehydrated,
            "--cron",
            "--domain",
            "*.dehydrated.chancery.test",
            "--alias",
            "wildcard",
            "--challenge",
            "dns-01"));
    Path certificate = folder.resolve("certs/dehydrated.chancery.test/cert.pem");
    Path chain = folder.resolve("certs/dehydrated.chancery.test/chain.pem");
    Path wildcard = folder.resolve("certs/wildcard/cert.pem");
    assertThat(openssl.verify(wildcard, chain).requireDone()).contains("OK");
    assertThat(openssl.ocsp(certificate, chain)).contains(": good");
    run(Map.of(), with(dehydrated, "--revoke", certificate.toRealPath().toString()));
    Path revoked;
    try (Stream<Path> all = Files.list(certificate.getParent())) {
      revoked = all.filter(file -> file.toString().endsWith("-revoked")).findFirst().orElseThrow();
    }
    assertThat(openssl.ocsp(revoked, chain)).contains(": revoked");
  }

  @Test
  @DisplayName("acme-tiny: http-01 with a CSR and an account key of its user's making")
  void acmeTiny() throws Exception {
    require("acme-tiny");
    Path tokens = Files.createDirectories(folder.resolve("tokens"));
    run(Map.of(), List.of("openssl", "genrsa", "-out", "account.key", "2048"));
    run(Map.of(), List.of("openssl", "genrsa", "-out", "domain.key", "2048"));
    run(
        Map.of(),
        List.of(
            "openssl",
            "req",
            "-new",
            "-key",
            "domain.key",
            "-subj",
            "/CN=tiny.chancery.test",
            "-out",
            "csr.pem"));
    String chain;
    try (ChallengeTarget _ = scene.serve(tokens)) {
      chain =
          run(
              Map.of("SSL_CERT_FILE", scene.root().toString()),
              List.of(
                  "acme-tiny",
                  "--quiet",
                  "--disable-check",
                  "--directory-url",
                  scene.directory(),
                  "--account-key",
                  "account.key",
                  "--csr",
                  "csr.pem",
                  "--acme-dir",
                  tokens.toString()));
    }
    Path certificate = Files.writeString(folder.resolve("chain.pem"), chain);
    assertThat(openssl.verify(certificate, certificate).requireDone()).contains("OK");
  }

  @Test
  @DisplayName(
      "uacme: an IP address, binding, RFC 8555 7.3.5 key rollover, deactivation, revocation")
  void uacme() throws Exception {
    require("uacme");
    assumeTrue(
        CommandResult.of(folder, Map.of(), "unshare", "--mount", "true").exitCode() == 0,
        "a command cannot have its own view of files here");
    Path tokens = Files.createDirectories(folder.resolve("tokens"));
    Path hook =
        scene.script(
            "uacme-hook",
            "[ \"$2\" = http-01 ] || exit 1\n"
                + "[ \"$1\" != begin ] || printf %%s \"$5\" > %s/\"$4\"".formatted(tokens));
    JsonNode key = scene.bindingKey();
    uacme("--eab", key.path("kid").asText() + ":" + key.path("macKey").asText(), "new");
    try (ChallengeTarget _ = scene.serve(tokens)) {
      uacme("--hook", hook.toString(), "issue", "uacme.chancery.test", "127.0.0.1");
      uacme("newkey");
      uacme("--hook", hook.toString(), "--force", "issue", "uacme.chancery.test");
    }
    Path certificate = folder.resolve("uacme/uacme.chancery.test/cert.pem");
    assertThat(openssl.verify(certificate, certificate).requireDone()).contains("OK");
    Path kept = Files.copy(certificate, folder.resolve("kept.pem"));
    Path issuer = Files.copy(shared.resolve("home/ca/issuing.pem"), folder.resolve("issuer.pem"));
    uacme("revoke", certificate.toString());
    assertThat(openssl.ocsp(kept, issuer)).contains(": revoked");
    uacme("deactivate");
  }

  /**
   * libcurl has one file of roots and uacme no option for another, so it gets its own view of that
   * file.
   */
  private void uacme(String... arguments) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "unshare",
                "--mount",
                "sh",
                "-c",
                "mount --bind \"$0\" /etc/ssl/certs/ca-certificates.crt && exec uacme \"$@\"",
                scene.root().toString(),
                "--acme-url",
                scene.boundDirectory(),
                "--confdir",
                folder.resolve("uacme").toString(),
                "--no-ocsp",
                "--yes",
                "--verbose"));
    command.addAll(List.of(arguments));
    run(Map.of(), command);
  }
}
