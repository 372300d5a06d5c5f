package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Binding keys as an operator and a client that others wrote meet them. */
@DisplayName("chancery binding, and certbot with what it makes")
class BindingTest {
  private static final String NAME = "host.corp.test";

  @TempDir Path folder;

  private final ObjectMapper json = new ObjectMapper();
  private Path home;
  private Server server;
  private Addresses addresses;

  @BeforeEach
  void start() throws Exception {
    home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    server = serve(home, "required");
  }

  private Server serve(Path where, String rule) throws Exception {
    Home opened = Home.open(where);
    AtomicReference<Addresses> started = new AtomicReference<>();
    Server made =
        Server.start(
            opened,
            Configuration.read(
                opened,
                Map.of(
                    "listeners.public", "{host: 127.0.0.1, port: 0}",
                    "listeners.api", "{host: 127.0.0.1, port: 0}",
                    "listeners.admin.port", "0",
                    "listeners.management.port", "0",
                    // A start that is refused would wait for a look at its own CRL, which nobody
                    // serves yet.
                    "crl.fetchBack", "false",
                    "acme.endpoints.default.externalAccountBinding", rule)),
            Clock.systemUTC(),
            new SecureRandom(),
            started::set);
    addresses = started.get();
    return made;
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private CommandRun run(String... command) {
    List<String> arguments = new ArrayList<>(List.of("binding"));
    arguments.addAll(List.of(command));
    arguments.add(2, "--home=" + home);
    return CommandRun.of(arguments.toArray(String[]::new));
  }

  private JsonNode done(String... command) throws IOException {
    CommandRun run = run(command);
    assertThat(run.exitCode()).describedAs(run.err()).isZero();
    return json.readTree(run.out());
  }

  @Test
  @DisplayName("create tells the secret once; list and show do not; revoke is for good")
  void commands() throws Exception {
    JsonNode made =
        done(
            "create",
            "--output=json",
            "--label=team a",
            "--preauthorized=*.corp.test",
            "--preauthorized=10.0.0.0/8",
            "--name=www.example.test",
            "--profile=tls-server",
            "--uses=unlimited",
            "--expires=2999-01-31T12:00:00Z");
    String kid = made.path("kid").asText();
    String secret = made.path("macKey").asText();
    assertThat(secret).hasSize(86);

    JsonNode shown = done("show", "--output=json", kid);
    assertThat(shown.has("macKey")).isFalse();
    assertThat(shown.path("preauthorized").toString())
        .isEqualTo("[\"*.corp.test\",\"10.0.0.0/8\"]");
    assertThat(shown.path("names").toString()).isEqualTo("[\"www.example.test\"]");
    assertThat(shown.path("profiles").toString()).isEqualTo("[\"tls-server\"]");
    assertThat(shown.path("uses").asText()).isEqualTo("unlimited");
    assertThat(shown.path("used").asInt()).isZero();
    assertThat(shown.path("state").asText()).isEqualTo("live");
    assertThat(shown.path("expires").asText()).isEqualTo("2999-01-31T12:00:00Z");

    CommandRun text = run("create", "--uses=3");
    assertThat(text.out())
        .containsPattern("(?m)^macKey +[A-Za-z0-9_-]{86}$")
        .containsPattern("(?m)^uses +3$")
        .containsPattern("(?m)^names +\\*, 0.0.0.0/0, ::/0$");
    JsonNode list = done("list", "--output=json");
    assertThat(list).hasSize(2);
    assertThat(list.get(0)).isEqualTo(shown);
    assertThat(list.toString()).doesNotContain("macKey", secret);
    assertThat(run("list").out()).contains("kid", kid, "team a", "live").doesNotContain(secret);

    assertThat(done("revoke", "--output=json", kid).path("state").asText()).isEqualTo("revoked");
    requireRefused(run("revoke", kid), "revoked already");
    assertThat(done("show", "--output=json", kid).has("revoked")).isTrue();
  }

  @Test
  @DisplayName("what create is refused, it says in one line, and nothing is made")
  void refusals() throws Exception {
    requireRefused(run("create", "--endpoint=other"), "no endpoint other takes");
    requireRefused(run("create", "--preauthorized=*.*"), "is not a DNS name");
    requireRefused(run("create", "--name=10.0.0.1/8"), "after the prefix");
    requireRefused(run("create", "--profile=tls-sever"), "no profile tls-sever");
    requireRefused(run("create", "--uses=0"), "uses");
    requireRefused(run("create", "--uses=many"), "uses");
    requireRefused(run("create", "--expires=2020-01-31T12:00:00Z"), "in the past");
    requireRefused(run("create", "--expires=tomorrow"), "RFC 3339");
    requireRefused(run("create", "--label=a\u0007b"), "label");
    requireRefused(run("show", "AZAAAAAAcACAAAAAAAAAAA"), "no such binding key");
    requireRefused(run("revoke", "AZAAAAAAcACAAAAAAAAAAA"), "no such binding key");
    requireRefused(run("show", "../issuers"), "a kid is");
    assertThat(done("list", "--output=json")).isEmpty();
  }

  private static void requireRefused(CommandRun run, String says) {
    assertThat(run.exitCode()).describedAs(run.toString()).isEqualTo(1);
    assertThat(run.errorLines()).hasSize(1);
    assertThat(run.err()).startsWith("chancery: ").contains(says).doesNotContain("Exception");
  }

  @Test
  @DisplayName("the file that encrypts them is private; without it, or with another, no start")
  void bindingKeyFile() throws Exception {
    Path file = home.resolve("acme/binding.key");
    String secret = Files.readString(file);
    assertThat(secret).matches("[0-9a-f]{64}\n");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    server.close();

    Files.delete(file);
    assertThatThrownBy(() -> serve(home, "optional"))
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageContaining("binding.key: is missing; copy it");
    assertThat(file).doesNotExist();
    Files.writeString(file, "0".repeat(64));
    assertThatThrownBy(() -> serve(home, "optional"))
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageContaining("is not the one");
    Files.writeString(file, "secret");
    assertThatThrownBy(() -> serve(home, "optional"))
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageContaining("must hold 64 hexadecimal digits")
        .hasMessageNotContaining("secret:");
    Files.delete(file);
    serve(home, "none").close();
    assertThat(file).doesNotExist();
    Files.writeString(file, secret);
    server = serve(home, "optional");
  }

  @Test
  @DisplayName("certbot, bound, has a certificate for a preauthorized name with no challenge")
  void certbot() throws Exception {
    JsonNode made = done("create", "--output=json", "--preauthorized=*.corp.test");

    assertThat(certbot(NAME)).contains("external account binding", "--eab-kid");
    String output =
        certbot(
            NAME,
            "--eab-kid",
            made.path("kid").asText(),
            "--eab-hmac-key",
            made.path("macKey").asText());

    Path certificate = folder.resolve("certbot/config/live/" + NAME + "/cert.pem");
    assertThat(certificate).describedAs(output).exists();
    X509Certificate leaf =
        (X509Certificate)
            CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(certificate)));
    assertThat(leaf.getSubjectAlternativeNames())
        .singleElement()
        .satisfies(name -> assertThat(name.get(1)).isEqualTo(NAME));
    JsonNode spent = done("show", "--output=json", made.path("kid").asText());
    assertThat(spent.path("state").asText()).isEqualTo("spent");
    assertThat(spent.path("used").asInt()).isOne();

    assertThat(certbot("other.test")).contains("binding key does not allow");
    done("revoke", "--output=json", made.path("kid").asText());
    assertThat(certbot("second.corp.test")).contains("is revoked");
  }

  /** No server answers on the port that would be needed for a challenge. */
  private String certbot(String name, String... more) throws Exception {
    Path own = Files.createDirectories(folder.resolve("certbot"));
    List<String> command =
        new ArrayList<>(
            List.of(
                "certbot",
                "certonly",
                "--non-interactive",
                "--standalone",
                "--server",
                addresses.apiUrl() + "/acme/directory",
                "--agree-tos",
                "--register-unsafely-without-email",
                "--domain",
                name,
                "--config-dir",
                own.resolve("config").toString(),
                "--work-dir",
                own.resolve("work").toString(),
                "--logs-dir",
                own.resolve("logs").toString()));
    command.addAll(List.of(more));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("REQUESTS_CA_BUNDLE", home.resolve("root.pem").toString());
    Process process = builder.redirectOutput(own.resolve("output").toFile()).start();
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    // Its log has the answers of the server as they came; some of its own texts for them break.
    return Files.readString(own.resolve("output"))
        + Files.readString(own.resolve("logs/letsencrypt.log"));
  }
}
