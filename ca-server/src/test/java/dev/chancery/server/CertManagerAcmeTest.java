package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.e2e.CrossCertificate;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.keys.HmacKey;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** cert-manager's ACME issuer, request by request: its key, its nonces, its retries. */
@DisplayName("The sequence of cert-manager's ACME issuer")
@Execution(ExecutionMode.CONCURRENT)
class CertManagerAcmeTest {
  private static final String DNS = "www.corp.test";
  private static final String IP = "10.1.2.3";

  private static final String ORDERS = "acme.endpoints.default.rateLimits.newOrdersPerAccount";

  @TempDir Path folder;
  private final AdjustableClock clock = new AdjustableClock(Instant.now());
  private final ObjectMapper json = new ObjectMapper();

  /** It keeps the nonces of all answers, also those of errors. */
  private final Deque<String> nonces = new ArrayDeque<>();

  private TestDatabase database;
  private VaultHome home;
  private RawHttps api;
  private JsonNode directory;
  private KeyPair account;
  private String kid = "";

  @BeforeEach
  void serve() throws Exception {
    database = DatabaseKind.POSTGRESQL.create(folder);
    Path password = Files.writeString(folder.resolve("password"), database.password());
    Files.setPosixFilePermissions(password, PosixFilePermissions.fromString("rw-------"));
    home =
        VaultHome.prepare(
            folder.resolve("home"),
            clock,
            Map.of(
                "database.url",
                database.url(),
                "database.user",
                database.user(),
                "database.passwordFile",
                password.toString(),
                "issuers.0.alternateChains",
                "[ca/cross.pem]",
                "roots",
                "[root.pem, other.pem]",
                ORDERS,
                "{most: 2, period: 1h}",
                "acme.endpoints.default.rateLimits.status",
                "503",
                "acme.endpoints.default.externalAccountBinding",
                "required",
                "acme.endpoints.default.profiles",
                "{tls-server: for servers, short-lived: for a week}"));
    CrossCertificate.write(
        home.directory.resolve("ca/issuing.pem"),
        home.directory.resolve("ca/cross.pem"),
        home.directory.resolve("other.pem"));
    home.start();
    api = home.api();
    account = rsa();
  }

  @AfterEach
  void stop() {
    home.close();
  }

  private static KeyPair rsa() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    return generator.generateKeyPair();
  }

  private RawHttps.Answer http(String method, String url, String body) throws Exception {
    RawHttps.Answer answer =
        api.send(
            method
                + " "
                + URI.create(url).getRawPath()
                + " HTTP/1.1\nHost: localhost\nUser-Agent: cert-manager-controller/v1.21.1"
                + (body.isEmpty() ? "" : "\nContent-Type: application/jose+json"),
            body);
    String nonce = answer.headers().get("replay-nonce");
    if (nonce != null) {
      nonces.add(nonce);
    }
    return answer;
  }

  private RawHttps.Answer post(String url, boolean byKey, String payload) throws Exception {
    if (nonces.isEmpty()) {
      assertThat(http("HEAD", directory.path("newNonce").asText(), "").status()).isLessThan(300);
    }
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmHeaderValue("RS256");
    if (byKey) {
      signature
          .getHeaders()
          .setJwkHeaderValue("jwk", PublicJsonWebKey.Factory.newPublicJwk(account.getPublic()));
    } else {
      signature.setKeyIdHeaderValue(kid);
    }
    signature.setHeader("nonce", nonces.remove());
    signature.setHeader("url", url);
    signature.setPayload(payload);
    signature.setKey(account.getPrivate());
    return http("POST", url, flattened(signature).toString());
  }

  private static ObjectNode flattened(JsonWebSignature signature) throws Exception {
    String[] parts = signature.getCompactSerialization().split("\\.", -1);
    return JsonNodeFactory.instance
        .objectNode()
        .put("protected", parts[0])
        .put("payload", parts[1])
        .put("signature", parts[2]);
  }

  /** EAB by HS256, always. */
  private ObjectNode binding(JsonNode made) throws Exception {
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmHeaderValue("HS256");
    signature.setKeyIdHeaderValue(made.path("kid").asText());
    signature.setHeader("url", directory.path("newAccount").asText());
    signature.setPayload(PublicJsonWebKey.Factory.newPublicJwk(account.getPublic()).toJson());
    signature.setKey(new HmacKey(Base64.getUrlDecoder().decode(made.path("macKey").asText())));
    return flattened(signature);
  }

  private void requireRegistered(RawHttps.Answer answer, int status) {
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(status);
    assertThat(answer.headers()).containsKey("location");
    assertThat(answer.json().path("contact").path(0).asText()).isEqualTo("mailto:ops@corp.test");
  }

  /** While it does, a certificate that was recorded and signed cannot be kept. */
  private void losesCertificates(boolean loses) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(database.url(), database.user(), database.password());
        Statement sql = connection.createStatement()) {
      if (loses) {
        sql.execute(
            "create function lose() returns trigger language plpgsql as $$ begin"
                + " raise exception 'lost by the test' using errcode = '57P01'; end $$");
        sql.execute(
            "create trigger lose before update on certificates"
                + " for each row execute function lose()");
      } else {
        sql.execute("drop trigger lose on certificates");
      }
    }
  }

  /**
   * As preferredChain chooses: by the common name of the issuer of a chain's last certificate, the
   * default one first, then the alternates, one on each header line.
   */
  private void requirePreferred(RawHttps.Answer standard, X509Certificate leaf) throws Exception {
    List<String> alternates =
        standard.headers().get("link").lines().filter(line -> line.contains("alternate")).toList();
    assertThat(alternates).hasSize(1).allMatch(line -> line.matches("<[^>]+>;rel=\"alternate\""));
    String url = alternates.getFirst().replaceAll("^<|>.*$", "");
    RawHttps.Answer alternate = post(url, false, "");
    assertThat(alternate.status()).isEqualTo(200);
    assertThat(VaultHome.certificate(alternate.text())).isEqualTo(leaf);
    assertThat(lastIssuer(standard)).doesNotContain(CrossCertificate.ROOT);
    assertThat(lastIssuer(alternate)).isEqualTo("CN=" + CrossCertificate.ROOT);
  }

  private static String lastIssuer(RawHttps.Answer chain) throws Exception {
    String last = chain.text().substring(chain.text().lastIndexOf("-----BEGIN"));
    return VaultHome.certificate(last).getIssuerX500Principal().getName();
  }

  @Test
  @DisplayName(
      "registration, restart, an order with no solver, finalize, certificate: all as it goes")
  void sequence() throws Exception {
    JsonNode made =
        home.command(
            "binding",
            "create",
            "--preauthorized=*.corp.test",
            "--preauthorized=10.0.0.0/8",
            "--uses=unlimited");
    directory = http("GET", home.addresses().apiUrl() + "/acme/directory", "").json();
    assertThat(directory.at("/meta/externalAccountRequired").asBoolean()).isTrue();
    assertThat(directory.at("/meta/profiles").has("short-lived")).isTrue();
    String newAccount = directory.path("newAccount").asText();

    // Registration, with a contact; then the same again, as after every lost Secret or setup.
    ObjectNode registration = JsonNodeFactory.instance.objectNode();
    registration.putArray("contact").add("mailto:ops@corp.test");
    registration.put("termsOfServiceAgreed", true);
    registration.set("externalAccountBinding", binding(made));
    RawHttps.Answer first = post(newAccount, true, registration.toString());
    requireRegistered(first, 201);
    requireRegistered(post(newAccount, true, registration.toString()), 200);
    RawHttps.Answer recovered = post(newAccount, true, "{\"onlyReturnExisting\":true}");
    requireRegistered(recovered, 200);
    kid = recovered.headers().get("location");
    assertThat(kid).isEqualTo(first.headers().get("location"));
    RawHttps.Answer updated = post(kid, false, "{\"contact\":[\"mailto:ops@corp.test\"]}");
    requireRegistered(updated, 200);

    // A nonce that is spent is refused with 400 badNonce and another one.
    String spent = Objects.requireNonNull(nonces.peek());
    assertThat(post(kid, false, "").status()).isEqualTo(200);
    nonces.addFirst(spent);
    RawHttps.Answer stale = post(kid, false, "");
    assertThat(stale.status()).isEqualTo(400);
    assertThat(stale.json().path("type").asText()).endsWith("badNonce");
    assertThat(stale.json().path("status").asInt()).isEqualTo(400);
    assertThat(stale.headers()).containsKey("replay-nonce");

    // The order: dns before ip, a profile, an end.
    Instant end = clock.instant().plus(3, ChronoUnit.DAYS).truncatedTo(ChronoUnit.SECONDS);
    ObjectNode wanted = JsonNodeFactory.instance.objectNode();
    ArrayNode identifiers = wanted.putArray("identifiers");
    identifiers.addObject().put("type", "dns").put("value", DNS);
    identifiers.addObject().put("type", "ip").put("value", IP);
    wanted.put("notAfter", end.toString()).put("profile", "short-lived");
    RawHttps.Answer ordered = post(directory.path("newOrder").asText(), false, wanted.toString());
    assertThat(ordered.status()).describedAs(ordered.toString()).isEqualTo(201);
    String order = ordered.headers().get("location");
    assertThat(order).startsWith("https://");
    assertThat(ordered.json().path("status").asText()).isEqualTo("ready");
    for (JsonNode url : ordered.json().path("authorizations")) {
      RawHttps.Answer authorization = post(url.asText(), false, "");
      assertThat(authorization.status()).isEqualTo(200);
      assertThat(authorization.json().path("status").asText()).isEqualTo("valid");
    }

    // Finalize with what its CSR has besides names; the answer says where to poll.
    TestCsr csr =
        TestCsr.of(
                new X500Name(new org.bouncycastle.asn1.x500.RDN[0]),
                new GeneralName(GeneralName.dNSName, DNS),
                new GeneralName(
                    GeneralName.iPAddress,
                    new DEROctetString(InetAddress.ofLiteral(IP).getAddress())))
            .with(
                Extension.keyUsage,
                new KeyUsage(KeyUsage.digitalSignature | KeyUsage.keyEncipherment));
    String der = csr.pem().replaceAll("-----[A-Z ]*-----", "").replaceAll("\\s", "");
    String payload =
        JsonNodeFactory.instance
            .objectNode()
            .put(
                "csr",
                Base64.getUrlEncoder()
                    .withoutPadding()
                    .encodeToString(Base64.getDecoder().decode(der)))
            .toString();
    // The database is lost when the certificate is signed and not yet kept: nobody knows what came
    // of it, and the answer says where to ask.
    String finalize = ordered.json().path("finalize").asText();
    losesCertificates(true);
    RawHttps.Answer finalized = post(finalize, false, payload);
    losesCertificates(false);
    assertThat(finalized.status()).describedAs(finalized.toString()).isEqualTo(200);
    assertThat(finalized.json().path("status").asText()).isEqualTo("processing");
    assertThat(finalized.headers().get("location")).isEqualTo(order);
    RawHttps.Answer polled = post(order, false, "");
    assertThat(polled.json().path("status").asText()).isEqualTo("processing");
    assertThat(Integer.parseInt(polled.headers().get("retry-after"))).isBetween(1, 60);
    clock.advance(Duration.ofMinutes(2));
    JsonNode valid = polled.json();
    for (int i = 0; i < 120 && !valid.path("status").asText().equals("valid"); i++) {
      Thread.sleep(500);
      valid = post(order, false, "").json();
    }
    assertThat(valid.path("status").asText()).isEqualTo("valid");

    RawHttps.Answer chain = post(valid.path("certificate").asText(), false, "");
    assertThat(chain.status()).isEqualTo(200);
    assertThat(chain.text().split("-----BEGIN ", -1).length - 1).isBetween(1, 5);
    assertThat(chain.text()).startsWith("-----BEGIN CERTIFICATE-----");
    X509Certificate leaf = VaultHome.certificate(chain.text());
    assertThat(leaf.getNotAfter().toInstant()).isEqualTo(end);
    assertThat(leaf.getSubjectAlternativeNames()).hasSize(2);
    requirePreferred(chain, leaf);
    // Again, as the controller does that lost the answer.
    RawHttps.Answer again = post(finalize, false, payload);
    assertThat(again.status()).describedAs(again.toString()).isEqualTo(200);
    assertThat(again.json().path("status").asText()).isEqualTo("valid");

    // What is final for it says so by one status, in the head and in the document.
    wanted.put("profile", "nobody's");
    RawHttps.Answer refused = post(directory.path("newOrder").asText(), false, wanted.toString());
    assertThat(refused.status()).isBetween(400, 428);
    assertThat(refused.json().path("status").asInt()).isEqualTo(refused.status());
    // A limit is no end: 503, in the head and in the document, where 429 would be final.
    wanted.put("profile", "short-lived");
    RawHttps.Answer last = post(directory.path("newOrder").asText(), false, wanted.toString());
    assertThat(last.status()).describedAs(last.toString()).isEqualTo(201);
    RawHttps.Answer limited = post(directory.path("newOrder").asText(), false, wanted.toString());
    assertThat(limited.status()).describedAs(limited.toString()).isEqualTo(503);
    assertThat(limited.json().path("status").asInt()).isEqualTo(503);
    assertThat(limited.json().path("type").asText()).endsWith("rateLimited");
    assertThat(limited.headers()).containsKeys("retry-after", "replay-nonce");
    clock.advance(Duration.ofHours(1));
    // The nonces are too old by then.
    nonces.clear();
    assertThat(post(directory.path("newOrder").asText(), false, wanted.toString()).status())
        .isEqualTo(201);

    account = rsa();
    RawHttps.Answer unknown = post(newAccount, true, "{\"onlyReturnExisting\":true}");
    assertThat(unknown.status()).isEqualTo(400);
    assertThat(unknown.json().path("type").asText()).endsWith("accountDoesNotExist");
    assertThat(json.readTree(unknown.body()).path("status").asInt()).isEqualTo(400);
  }
}
