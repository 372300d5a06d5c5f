package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.core.AccountId;
import dev.chancery.core.Approval;
import dev.chancery.core.DnsName;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RequestId;
import dev.chancery.core.SubjectPublicKey;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** RFC 9773, the operator's side: by the command line and the admin API of a running server. */
@DisplayName("Marks for early renewal, by administrators")
final class RenewalMarksApiTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static Path home;
  private static Server server;
  private static Addresses addresses;
  private static HttpClient administrator;
  private static String identifier;
  private static String keyIdentifier;

  @BeforeAll
  static void start(@TempDir Path folder) throws Exception {
    home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    issue();
    Home opened = Home.open(home);
    AtomicReference<Addresses> started = new AtomicReference<>();
    server =
        Server.start(
            opened,
            Configuration.read(
                opened,
                Map.of(
                    "listeners.public", "{host: 127.0.0.1, port: 0}",
                    "listeners.api", "{host: 127.0.0.1, port: 0}",
                    "listeners.admin.port", "0",
                    "listeners.management.port", "0")),
            Clock.systemUTC(),
            new SecureRandom(),
            started::set);
    addresses = started.get();
    administrator = client(Credential.read(home.resolve("admin/admin.pem")).orElseThrow());
  }

  @AfterAll
  static void stop() {
    administrator.close();
    server.close();
  }

  /** A certificate as an ACME account has it, issued while no server has the home open. */
  private static void issue() throws Exception {
    try (OpenedHome opened = OpenedHome.open(home, Clock.systemUTC())) {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(256);
      byte[] issued =
          opened
              .authority()
              .issue(
                  new IssuanceRequest(
                      OpenedHome.ISSUING,
                      new ProfileId("tls-server"),
                      SubjectPublicKey.of(generator.generateKeyPair().getPublic()),
                      new X500Name(new RDN[0]),
                      Set.of(DnsName.parse("a.example")),
                      Optional.empty(),
                      Optional.empty(),
                      new Approval.ValidatedOrder(
                          new AccountId(opened.ids().next()), new RequestId(opened.ids().next()))))
              .encoded()
              .bytes();
      X509CertificateHolder certificate = new X509CertificateHolder(issued);
      byte[] key =
          AuthorityKeyIdentifier.fromExtensions(certificate.getExtensions())
              .getKeyIdentifierOctets();
      Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
      keyIdentifier = HexFormat.of().formatHex(key);
      identifier =
          base64.encodeToString(key)
              + "."
              + base64.encodeToString(certificate.getSerialNumber().toByteArray());
    }
  }

  private static HttpClient client(Credential credential) throws Exception {
    TrustManagerFactory roots = TrustManagerFactory.getInstance("PKIX");
    roots.init(TrustBundle.read(List.of(home.resolve("root.pem"))).trustStore());
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(credential.keyStore(), new char[0]);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(keys.getKeyManagers(), roots.getTrustManagers(), null);
    return HttpClient.newBuilder().sslContext(tls).build();
  }

  private static CommandRun renewal(String... arguments) {
    List<String> command = new ArrayList<>(List.of("renewal"));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--home", home.toString(), "--output", "json"));
    return CommandRun.of(command.toArray(String[]::new));
  }

  private static JsonNode done(CommandRun run) throws Exception {
    assertThat(run.exitCode()).as(run.err()).isZero();
    return JSON.readTree(run.out());
  }

  private static HttpResponse<String> send(String method, String path, String body)
      throws Exception {
    URI uri = URI.create(Files.readString(home.resolve("admin/url")).strip() + path);
    return administrator.send(
        HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  private static JsonNode info() throws Exception {
    HttpResponse<String> answer =
        administrator.send(
            HttpRequest.newBuilder(
                    URI.create(addresses.apiUrl() + "/acme/default/renewal-info/" + identifier))
                .build(),
            BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return JSON.readTree(answer.body());
  }

  @Test
  @DisplayName("mark, list and clear; a dry run counts, and changes nothing")
  void commands() throws Exception {
    JsonNode regular = info();
    assertThat(regular.has("explanationURL")).isFalse();

    JsonNode planned =
        done(
            renewal(
                "mark", "--key", keyIdentifier, "--per-hour", "2", "--reason", "why", "--dry-run"));
    // The certificates that the server has for itself are no account's.
    assertThat(planned.path("certificates").asInt()).isEqualTo(1);
    assertThat(planned.path("issuer").asText()).isEqualTo("issuing");
    assertThat(planned.path("dryRun").asBoolean()).isTrue();
    assertThat(planned.has("id")).isFalse();
    assertThat(info()).isEqualTo(regular);
    assertThat(done(renewal("list"))).isEmpty();

    JsonNode mark =
        done(
            renewal(
                "mark",
                "--issuer",
                "issuing",
                "--profile",
                "tls-server",
                "--per-hour",
                "2",
                "--reason",
                "the key is to be retired",
                "--explanation-url",
                "https://pki.example/retired"));
    assertThat(
            Duration.between(
                Instant.parse(mark.path("startsAt").asText()),
                Instant.parse(mark.path("endsAt").asText())))
        .isEqualTo(Duration.ofMinutes(30));
    JsonNode moved = info();
    assertThat(moved.path("explanationURL").asText()).isEqualTo("https://pki.example/retired");
    assertThat(Instant.parse(moved.at("/suggestedWindow/start").asText()))
        .isBefore(Instant.parse(mark.path("endsAt").asText()));

    JsonNode list = done(renewal("list"));
    assertThat(list).hasSize(1);
    assertThat(list.get(0)).isEqualTo(mark);
    assertThat(mark.path("by").asText()).isNotEmpty();

    String id = mark.path("id").asText();
    assertThat(done(renewal("clear", id)).path("cleared").asBoolean()).isTrue();
    assertThat(info()).isEqualTo(regular);
    assertThat(renewal("clear", id).errorLines().getLast()).contains("no such mark");
  }

  @ParameterizedTest(name = "{1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "{'certificatesPerHour':1,'reason':'x'} | one of issuer, key",
        "{'issuer':'other','certificatesPerHour':1,'reason':'x'} | no issuer other",
        "{'issuer':'Not A Name','certificatesPerHour':1,'reason':'x'} | issuer:",
        "{'key':'xyz','certificatesPerHour':1,'reason':'x'} | hexadecimal",
        "{'key':'00ff','certificatesPerHour':1,'reason':'x'} | CKA_ID",
        "{'profile':'a b','certificatesPerHour':1,'reason':'x'} | profile:",
        "{'profile':'none','certificatesPerHour':1,'reason':'x'} | no certificate",
        "{'issuer':'issuing','reason':'x'} | certificatesPerHour must be",
        "{'issuer':'issuing','certificatesPerHour':0,'reason':'x'} | from 1 to 1000000",
        "{'issuer':'issuing','certificatesPerHour':1.5,'reason':'x'} | a whole number",
        "{'issuer':'issuing','certificatesPerHour':99999999999,'reason':'x'} | whole number",
        "{'issuer':'issuing','certificatesPerHour':1} | reason is missing",
        "{'issuer':'issuing','certificatesPerHour':1,'reason':''} | reason must be",
        "{'issuer':'issuing','certificatesPerHour':1,'reason':'a\\nb'} | reason must be a line",
        "{'issuedFrom':'yesterday','certificatesPerHour':1,'reason':'x'} | not an RFC 3339",
        "{'issuedFrom':'2026-13-01T00:00:00Z','certificatesPerHour':1,'reason':'x'} | RFC 3339 t",
        "{'issuedFrom':'2026-01-02T00:00:00Z','issuedUntil':'2026-01-02T00:00:00Z','certificatesPerHour':1,'reason':'x'}"
            + " | before issuedUntil",
        "{'issuer':'issuing','startsAt':'2020-01-01T00:00:00Z','certificatesPerHour':1,'reason':'x'}"
            + " | in the future",
        "{'issuer':'issuing','explanationUrl':'javascript:x','certificatesPerHour':1,'reason':'x'}"
            + " | http or https",
        "{'issuer':'issuing','dryRun':'yes','certificatesPerHour':1,'reason':'x'} | true or false",
        "{'issuer':'issuing','colour':1,'certificatesPerHour':1,'reason':'x'} | not known here",
        "{'issuer':'issuing','issuer':'issuing','certificatesPerHour':1,'reason':'x'} | twice",
        "{'profile':'nope','dryRun':true,'certificatesPerHour':1,'reason':'x'} | no profile nope",
        "[] | not a JSON object",
        "{ | not JSON",
        "'' | must say which certificates"
      })
  @DisplayName("a request that is wrong is refused with the member, and nothing is marked")
  void refused(String body, String says) throws Exception {
    HttpResponse<String> answer =
        send("POST", "/admin/v1/renewal-marks", body == null ? "" : body.replace('\'', '"'));
    assertThat(answer.statusCode()).as(answer.body()).isIn(400, 404);
    assertThat(JSON.readTree(answer.body()).path("detail").asText()).contains(says);
    assertThat(done(renewal("list"))).isEmpty();
  }

  @Test
  @DisplayName("a mark that is not there is 404, and what is no UUID is too")
  void noSuchMark() throws Exception {
    for (String id : List.of("1-1-1-1-1", "x", "00000000-0000-7000-8000-000000000000")) {
      assertThat(send("DELETE", "/admin/v1/renewal-marks/" + id, "").statusCode())
          .as(id)
          .isEqualTo(404);
    }
  }

  @Test
  @DisplayName("the command line wants to be told which certificates, how fast and why")
  void usage() {
    assertThat(renewal("mark", "--per-hour", "1", "--reason", "x").exitCode()).isEqualTo(2);
    assertThat(renewal("mark", "--issuer", "issuing", "--reason", "x").exitCode()).isEqualTo(2);
    assertThat(renewal("mark", "--issuer", "issuing", "--per-hour", "1").exitCode()).isEqualTo(2);
    assertThat(renewal("mark", "--issuer", "none", "--per-hour", "1", "--reason", "x").exitCode())
        .isEqualTo(1);
  }

  @Test
  @DisplayName("the OpenAPI document names the members that are read")
  void document() throws Exception {
    JsonNode document = JSON.readTree(send("GET", "/admin/v1/openapi.json", "").body());
    List<String> described = new ArrayList<>();
    document
        .at("/components/schemas/RenewalMarkRequest/properties")
        .fieldNames()
        .forEachRemaining(described::add);
    HttpResponse<String> answer = send("POST", "/admin/v1/renewal-marks", "{\"x\":1}");
    String known = JSON.readTree(answer.body()).path("detail").asText().replaceFirst(".*are ", "");
    assertThat(described).containsExactlyInAnyOrder(known.split(", "));
  }
}
