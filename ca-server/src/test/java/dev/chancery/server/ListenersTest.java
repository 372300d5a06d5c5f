package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.core.DnsName;
import dev.chancery.core.ProfileId;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.awaitility.Awaitility;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the public, admin and management listeners answer, and the command line that asks them. */
@DisplayName("The listeners and the command line")
class ListenersTest {
  private static final String TOKEN = "{\"kind\":\"token\"}";

  private static final String MARK =
      "{\"profile\":\"tls-server\",\"certificatesPerHour\":1,\"reason\":\"a test\"}";

  @TempDir Path folder;

  private final ObjectMapper json = new ObjectMapper();
  private final HttpClient http = HttpClient.newHttpClient();
  private Path home;
  private Server server;
  private Addresses addresses;
  private int managementPort;

  @BeforeEach
  void start() throws Exception {
    home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      managementPort = free.getLocalPort();
    }
    serve();
  }

  private void serve() throws Exception {
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
                    "listeners.management.port", Integer.toString(managementPort),
                    "acme.endpoints.default.externalAccountBinding", "optional")),
            Clock.systemUTC(),
            new SecureRandom(),
            started::set);
    addresses = started.get();
  }

  @AfterEach
  void stop() {
    http.close();
    server.close();
  }

  @Test
  @DisplayName("the landing page has the directory, the root's fingerprint, and no script")
  void landingPage() throws Exception {
    HttpResponse<String> page = open("/");

    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.headers().firstValue("content-type").orElse("")).startsWith("text/html");
    assertThat(page.body())
        .contains(addresses.apiUrl() + "/acme/directory")
        .contains(TrustBundle.fingerprint(certificate("root.pem")))
        .contains(addresses.publicUrl() + "/roots.pem")
        .contains("certbot", "lego run --server", "Caddy", "ClusterIssuer")
        .doesNotContain("{{", "<script");
    assertThat(page.headers().firstValue("content-security-policy")).isPresent();
  }

  @Test
  @DisplayName("roots and issuers can be fetched, and need not be fetched twice (RFC 9110 13.1.2)")
  void downloads() throws Exception {
    assertThat(open("/roots.pem").body()).isEqualTo(Files.readString(home.resolve("root.pem")));
    assertThat(open("/ca/issuing.pem").body())
        .isEqualTo(Files.readString(home.resolve("ca/issuing.pem")));
    HttpResponse<byte[]> der =
        http.send(request("/ca/issuing.crt").build(), BodyHandlers.ofByteArray());
    assertThat(der.body()).isEqualTo(certificate("ca/issuing.pem").getEncoded());
    assertThat(der.headers().firstValue("content-type")).contains("application/pkix-cert");

    for (String path : List.of("/roots.pem", "/ca/issuing.crt", "/crl/issuing.crl")) {
      Awaitility.await(path).until(() -> open(path).statusCode() == 200);
      String tag = open(path).headers().firstValue("etag").orElseThrow();
      for (String sent : List.of(tag, "W/" + tag, "\"other\", " + tag, "*")) {
        HttpResponse<String> again =
            http.send(request(path).header("If-None-Match", sent).build(), BodyHandlers.ofString());
        assertThat(again.statusCode()).describedAs(path + " " + sent).isEqualTo(304);
        assertThat(again.body()).isEmpty();
      }
      HttpResponse<String> other =
          http.send(
              request(path).header("If-None-Match", "\"other\"").build(), BodyHandlers.ofString());
      assertThat(other.statusCode()).isEqualTo(200);
    }
    assertThat(open("/ca/other.crt").statusCode()).isEqualTo(404);
  }

  @Test
  @DisplayName("the first CRL is there when the server is ready, and is the only one")
  void firstCrl() throws Exception {
    assertThat(open("/crl/issuing.crl").statusCode()).isEqualTo(200);
    BigInteger first = crlNumber();

    // The cluster's work begins at once too, and would have made a second by now.
    Thread.sleep(3000);
    assertThat(crlNumber()).isEqualTo(first);
  }

  private BigInteger crlNumber() throws Exception {
    byte[] number = crl().getExtensionValue(Extension.cRLNumber.getId());
    return ASN1Integer.getInstance(ASN1OctetString.getInstance(number).getOctets()).getValue();
  }

  @Test
  @DisplayName("RFC 9110 9.3.2: HEAD has the status and the headers of GET, and no content")
  void head() throws Exception {
    Awaitility.await("CRL").until(() -> open("/crl/issuing.crl").statusCode() == 200);
    String ocspRequest =
        URLEncoder.encode(
            Base64.getEncoder().encodeToString(ocspRequest()), StandardCharsets.US_ASCII);
    List<URI> resources = new ArrayList<>();
    for (String path :
        List.of(
            "/",
            "/roots.pem",
            "/ca/issuing.crt",
            "/ca/issuing.pem",
            "/crl/issuing.crl",
            "/crl/other.crl",
            "/ocsp/" + ocspRequest)) {
      resources.add(URI.create(addresses.publicUrl() + path));
    }
    for (String path : List.of("/healthz", "/readyz")) {
      resources.add(URI.create("http://127.0.0.1:" + managementPort + path));
    }
    for (URI resource : resources) {
      assertHeadLikeGet(http, resource);
    }
    assertThat(head(http, URI.create("http://127.0.0.1:" + managementPort + "/metrics")).headers())
        .returns(
            Optional.of("text/plain; version=0.0.4"),
            headers -> headers.firstValue("Content-Type"));
    try (HttpClient administrator =
        client(Credential.read(home.resolve("admin/admin.pem")).orElseThrow())) {
      String admin = Files.readString(home.resolve("admin/url")).strip();
      assertHeadLikeGet(administrator, URI.create(admin + "/admin/v1/issuers"));
      assertHeadLikeGet(administrator, URI.create(admin + "/admin/v1/certificates/0abc"));
      URI directory = URI.create(addresses.apiUrl() + "/acme/directory");
      assertHeadLikeGet(administrator, directory);
    }
  }

  private static void assertHeadLikeGet(HttpClient client, URI resource) throws Exception {
    HttpResponse<byte[]> got =
        client.send(HttpRequest.newBuilder(resource).build(), BodyHandlers.ofByteArray());
    HttpResponse<byte[]> head = head(client, resource);
    assertThat(head.statusCode()).describedAs(resource.toString()).isEqualTo(got.statusCode());
    assertThat(withoutTime(head)).describedAs(resource.toString()).isEqualTo(withoutTime(got));
    assertThat(head.headers().firstValueAsLong("Content-Length"))
        .describedAs(resource.toString())
        .hasValue(got.body().length);
    assertThat(head.body()).isEmpty();
  }

  private static HttpResponse<byte[]> head(HttpClient client, URI resource) throws Exception {
    return client.send(HttpRequest.newBuilder(resource).HEAD().build(), BodyHandlers.ofByteArray());
  }

  /** The headers but for those that differ between two answers to GET as well. */
  private static Map<String, List<String>> withoutTime(HttpResponse<byte[]> answer) {
    Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    headers.putAll(answer.headers().map());
    List.of("Date", "Expires", "Cache-Control").forEach(headers::remove);
    return headers;
  }

  @Test
  @DisplayName("RFC 9110 15.5.6: what can only be read is 405 to other methods, with Allow")
  void methodNotAllowed() throws Exception {
    URI managed = URI.create("http://127.0.0.1:" + managementPort + "/readyz");
    for (URI resource :
        List.of(
            URI.create(addresses.publicUrl() + "/"),
            URI.create(addresses.publicUrl() + "/roots.pem"),
            URI.create(addresses.publicUrl() + "/crl/issuing.crl"),
            managed)) {
      HttpResponse<String> answer =
          http.send(
              HttpRequest.newBuilder(resource)
                  .POST(HttpRequest.BodyPublishers.ofString("x"))
                  .build(),
              BodyHandlers.ofString());
      assertThat(answer.statusCode()).describedAs(resource.toString()).isEqualTo(405);
      assertThat(answer.headers().firstValue("Allow")).contains("GET, HEAD");
    }
    HttpResponse<String> ocsp = open("/ocsp");
    assertThat(ocsp.statusCode()).isEqualTo(405);
    assertThat(ocsp.headers().firstValue("Allow")).contains("POST");
  }

  @Test
  @DisplayName("the admin API without its database is 503 with Retry-After")
  void adminWithoutDatabase() throws Exception {
    server.close();
    Clock clock = Clock.systemUTC();
    TrustBundle trust = TrustBundle.read(List.of(home.resolve("root.pem")));
    BoundPort port = BoundPort.bind("admin", new Configuration.ListenerSection("127.0.0.1", 0));
    try (OpenedHome opened = OpenedHome.open(home, clock)) {
      ApiTls tls =
          new ApiTls(
              opened.authority(),
              OpenedHome.ISSUING,
              addresses.apiUrl(),
              home.resolve("tls/api.pem"),
              clock,
              opened.ids());
      AdminApi api =
          new AdminApi(opened.authority(), List.of(OpenedHome.ISSUING), issuer -> true, clock);
      Files.writeString(home.resolve("admin/url"), "https://127.0.0.1:" + port.port() + "\n");
      try (HttpListener _ =
              HttpListener.https(port, tls.listenerForClientsOf(trust.trustStore()), api::routes);
          HttpClient administrator =
              client(Credential.read(home.resolve("admin/admin.pem")).orElseThrow())) {
        assertThat(admin(administrator, "GET", "/admin/v1/openapi.json").statusCode())
            .isEqualTo(200);
        opened.database().close();

        HttpResponse<String> answer = admin(administrator, "GET", "/admin/v1/openapi.json");

        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.headers().firstValue("Retry-After")).isPresent();
        assertThat(answer.headers().firstValue("Content-Type"))
            .contains("application/problem+json");
        assertThat(json.readTree(answer.body()).path("status").asInt()).isEqualTo(503);
        assertThat(answer.body()).doesNotContainIgnoringCase("database");
      }
    }
  }

  @Test
  @DisplayName("healthz, readyz and metrics answer on the management port alone")
  void management() throws Exception {
    assertThat(manage("/healthz").statusCode()).isEqualTo(200);
    HttpResponse<String> ready = manage("/readyz");
    assertThat(ready.statusCode()).isEqualTo(200);
    assertThat(ready.body()).contains("database: ok", "key of issuing: ok");
    assertThat(manage("/metrics").body()).contains("jvm_memory_used_bytes");
    assertThat(manage("/admin/v1/issuers").statusCode()).isEqualTo(404);

    assertThat(open("/metrics").statusCode()).isEqualTo(404);
    assertThat(open("/readyz").statusCode()).isEqualTo(404);
    assertThat(open("/admin/v1/issuers").statusCode()).isEqualTo(404);
    assertThat(open("/acme/directory").statusCode()).isEqualTo(404);
  }

  @Test
  @DisplayName("without a client certificate there is no admin API, with another's it is forbidden")
  void adminNeedsAdministrator() throws Exception {
    try (HttpClient nobody = client(null)) {
      assertThatThrownBy(() -> admin(nobody, "GET", "/admin/v1/issuers"))
          .isInstanceOf(IOException.class);
    }
    // Certified by the same CA, but not for clients.
    try (HttpClient apiServer = client(apiCredential())) {
      assertThatThrownBy(() -> admin(apiServer, "GET", "/admin/v1/issuers"))
          .isInstanceOf(IOException.class);
    }
    server.close();
    Credential ordinary = clientCredential();
    serve();
    try (HttpClient other = client(ordinary)) {
      for (String method : List.of("HEAD", "POST")) {
        assertThat(admin(other, method, "/admin/v1/issuers").statusCode())
            .describedAs(method)
            .isEqualTo(403);
        assertThat(admin(other, method, "/admin/v1/bindings").statusCode())
            .describedAs(method)
            .isEqualTo(403);
      }
      HttpResponse<String> answer = admin(other, "GET", "/admin/v1/issuers");
      assertThat(answer.statusCode()).isEqualTo(403);
      assertThat(answer.headers().firstValue("content-type")).contains("application/problem+json");
    }
  }

  @Test
  @DisplayName("a revoked administrator is forbidden")
  void revokedAdministrator() throws Exception {
    Credential credential = Credential.read(home.resolve("admin/admin.pem")).orElseThrow();
    String serial = credential.certificate().getSerialNumber().toString(16);
    CommandRun revoked = run("certificate", "revoke", "--reason", "keyCompromise", serial);
    assertThat(revoked.exitCode()).describedAs(revoked.err()).isZero();

    try (HttpClient administrator = client(credential)) {
      assertThat(admin(administrator, "GET", "/admin/v1/issuers").statusCode()).isEqualTo(403);
    }
    CommandRun after = run("issuer", "list");
    assertThat(after.exitCode()).isEqualTo(1);
    assertThat(after.errorLines())
        .containsExactly("chancery: this certificate is not an administrator's");
  }

  @Test
  @DisplayName("every path of the OpenAPI document answers as it says")
  void openApi() throws Exception {
    try (HttpClient administrator =
        client(Credential.read(home.resolve("admin/admin.pem")).orElseThrow())) {
      JsonNode document =
          json.readTree(admin(administrator, "GET", "/admin/v1/openapi.json").body());
      List<String> answered = new ArrayList<>();
      String kid =
          json.readTree(admin(administrator, "POST", "/admin/v1/bindings").body())
              .path("kid")
              .asText();
      String marks = "/admin/v1/renewal-marks";
      String credentials = "/admin/v1/roles/first/credentials";
      assertThat(admin(administrator, "POST", "/admin/v1/roles", role("first")).statusCode())
          .isEqualTo(201);
      String credential =
          json.readTree(admin(administrator, "POST", credentials, TOKEN).body())
              .path("id")
              .asText();
      Map<String, String> bodies =
          Map.of(
              marks,
              MARK,
              "/admin/v1/roles",
              role("second"),
              credentials,
              TOKEN,
              "/admin/v1/bulk-revocations",
              "{\"profile\":\"tls-server\",\"dryRun\":true}");
      for (Map.Entry<String, JsonNode> path : document.path("paths").properties()) {
        String requested =
            path.getKey()
                .replace("{serial}", apiSerial())
                .replace("{kid}", kid)
                .replace("{name}", "first")
                .replace("credentials/{id}", "credentials/" + credential)
                .replace("{id}", "00000000-0000-4000-8000-000000000000");
        for (String method : List.of("get", "post", "delete")) {
          JsonNode operation = path.getValue().path(method);
          HttpResponse<String> answer =
              admin(
                  administrator,
                  method.toUpperCase(Locale.ROOT),
                  requested,
                  bodies.getOrDefault(requested, ""));
          if (operation.isMissingNode()) {
            assertThat(answer.statusCode()).describedAs(path.getKey()).isIn(404, 405);
          } else {
            assertThat(operation.path("responses").has(Integer.toString(answer.statusCode())))
                .describedAs(path.getKey() + ": " + answer)
                .isTrue();
            // No certificate of an account is there that could be renewed (RenewalMarksApiTest).
            boolean nothingToRenew = path.getKey().startsWith(marks) && !method.equals("get");
            // Nor was anything revoked in bulk, or put on hold (RevocationsApiTest).
            boolean nothingRevoked =
                path.getKey().equals("/admin/v1/bulk-revocations/{id}")
                    || (path.getKey().startsWith("/admin/v1/certificates")
                        && method.equals("delete"));
            // There is one issuer, and no root is to come (IssuerChangeTest, RolloverIT).
            boolean nothingToReplace =
                !method.equals("get")
                    && (path.getKey().startsWith("/admin/v1/issuers/")
                        || path.getKey().startsWith("/admin/v1/rollover"));
            assertThat(answer.statusCode())
                .describedAs(answer.body())
                .isIn(
                    nothingToReplace
                        ? List.of(400, 404, 409)
                        : nothingToRenew || nothingRevoked ? List.of(404, 409) : List.of(200, 201));
            answered.add(path.getKey());
          }
        }
      }
      assertThat(answered).containsAll(paths(document));
    }
  }

  private static String role(String name) {
    return "{\"name\":\""
        + name
        + "\",\"issuer\":\"issuing\",\"profile\":\"tls-server\",\"names\":[\"dns:*\"]}";
  }

  private static List<String> paths(JsonNode document) {
    return document.path("paths").properties().stream().map(Map.Entry::getKey).toList();
  }

  @Test
  @DisplayName("show, revoke, show again; OCSP and CRL follow; twice is refused")
  void revoke() throws Exception {
    String serial = apiSerial();
    JsonNode shown = json.readTree(run("certificate", "show", "--output", "json", serial).out());
    assertThat(shown.path("state").asText()).isEqualTo("issued");
    assertThat(shown.path("serial").asText()).isEqualTo(serial);
    assertThat(run("certificate", "show", colons(serial)).out())
        .containsPattern("(?m)^state +issued$")
        .containsPattern("(?m)^issuer +issuing$");
    assertThat(ocspStatus()).isNull();

    CommandRun revoked = run("certificate", "revoke", "--reason", "superseded", serial);

    assertThat(revoked.exitCode()).describedAs(revoked.err()).isZero();
    assertThat(revoked.out()).containsPattern("(?m)^revocation.reason +superseded$");
    assertThat(ocspStatus()).isInstanceOf(RevokedStatus.class);
    X509Certificate certificate = apiCertificate();
    Awaitility.await("CRL")
        .atMost(Duration.ofSeconds(20))
        .until(() -> crl().isRevoked(certificate));
    CommandRun twice = run("certificate", "revoke", serial);
    assertThat(twice.exitCode()).isEqualTo(1);
    assertThat(twice.errorLines()).hasSize(1);
    assertThat(twice.err()).contains("revoked");
  }

  @Test
  @DisplayName("of a CA certificate: recorded, and the answer says who must publish the root's CRL")
  void revokeIssuer() throws Exception {
    String serial = certificate("ca/issuing.pem").getSerialNumber().toString(16);

    CommandRun revoked = run("certificate", "revoke", "--reason", "cessationOfOperation", serial);

    assertThat(revoked.exitCode()).describedAs(revoked.err()).isZero();
    assertThat(revoked.out())
        .containsPattern("(?m)^issuer +root$")
        .containsPattern("(?m)^notice +.*chancery init");
  }

  @Test
  @DisplayName("what the command line is refused, it says in one line, and exits with 1")
  void refusals() throws Exception {
    requireRefused(run("certificate", "show", "0abc"), "there is no such certificate");
    requireRefused(run("certificate", "revoke", "0abc"), "there is no such certificate");
    requireRefused(run("certificate", "show", "xyz"), "hexadecimal");
    requireRefused(
        run("certificate", "revoke", "--reason", "boredom", apiSerial()), "no such reason");
    for (String reason : List.of("certificateHold", "removeFromCRL")) {
      requireRefused(
          run("certificate", "revoke", "--reason", reason, apiSerial()), "cannot have reason");
    }
    for (String date :
        List.of(
            "yesterday",
            "+10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "1949-12-31T23:59:59Z",
            "2026-13-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59-01:00")) {
      requireRefused(
          run("certificate", "revoke", "--invalidity-date=" + date, apiSerial()), "invalidityDate");
    }
    JsonNode shown =
        json.readTree(run("certificate", "show", "--output", "json", apiSerial()).out());
    assertThat(shown.path("state").asText()).isEqualTo("issued");
    CommandRun issuers = run("issuer", "list", "--output", "json");
    assertThat(json.readTree(issuers.out()).path(0).path("name").asText()).isEqualTo("issuing");
    assertThat(run("issuer", "list").out()).contains("name", "issuing", "root");

    server.close();
    requireRefused(run("issuer", "list"), "the server does not answer");
  }

  @Test
  @DisplayName("crl list, verify and rebuild: what the server publishes, as the world sees it")
  void crlCommands() throws Exception {
    JsonNode listed = json.readTree(run("crl", "list", "--output", "json").out());
    assertThat(listed.path(0).path("name").asText()).isEqualTo("issuing.crl");
    BigInteger number = new BigInteger(listed.path(0).path("number").asText());
    // That of a root is made elsewhere, by whoever knows which number it may have.
    JsonNode root = listed.path(1);
    assertThat(root.path("name").asText()).isEqualTo("root.crl");
    assertThat(new BigInteger(root.path("nextNumber").asText()))
        .isEqualTo(new BigInteger(root.path("number").asText()).add(BigInteger.ONE));
    CommandRun verified = run("crl", "verify");
    assertThat(verified.exitCode()).describedAs(verified.toString()).isZero();
    assertThat(run("crl", "show", "issuing.crl").out()).contains("true", number.toString());
    requireRefused(run("crl", "show", "other.crl"), "there is no such CRL here");

    assertThat(run("crl", "rebuild", "issuing.crl").exitCode()).isZero();
    Instant end = Instant.now().plusSeconds(30);
    BigInteger later = number;
    while (later.equals(number)) {
      assertThat(Instant.now()).isBefore(end);
      Thread.sleep(50);
      JsonNode seen = json.readTree(run("crl", "verify", "--output", "json").out());
      later = new BigInteger(seen.path(0).path("number").asText());
    }
    assertThat(later).isGreaterThan(number);
  }

  private static void requireRefused(CommandRun run, String says) {
    assertThat(run.exitCode()).describedAs(run.toString()).isEqualTo(1);
    assertThat(run.errorLines()).hasSize(1);
    assertThat(run.err()).startsWith("chancery: ").contains(says).doesNotContain("Exception");
  }

  private CommandRun run(String... command) {
    List<String> arguments = new ArrayList<>(List.of(command));
    arguments.add(2, "--home=" + home);
    return CommandRun.of(arguments.toArray(String[]::new));
  }

  /** The certificate of the API itself, the one leaf that every home has. */
  private X509Certificate apiCertificate() throws Exception {
    return apiCredential().certificate();
  }

  private String apiSerial() throws Exception {
    String digits = apiCertificate().getSerialNumber().toString(16);
    return digits.length() % 2 == 0 ? digits : "0" + digits;
  }

  private Credential apiCredential() throws Exception {
    return Credential.read(home.resolve("tls/api.pem")).orElseThrow();
  }

  /** A client certificate like any that ACME could give out, issued while the server is away. */
  private Credential clientCredential() throws Exception {
    Clock clock = Clock.systemUTC();
    try (OpenedHome opened = OpenedHome.open(home, clock)) {
      return Credential.issue(
          opened.authority(),
          OpenedHome.ISSUING,
          new ProfileId("tls-client"),
          new X500Name("CN=someone"),
          Set.of(DnsName.parse("client.example")),
          "test",
          opened.ids());
    }
  }

  private static String colons(String serial) {
    return serial.replaceAll("(..)(?!$)", "$1:");
  }

  private X509CertificateHolder certificate(String file) throws Exception {
    return PemFile.certificates(home.resolve(file)).getFirst();
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(addresses.publicUrl() + path));
  }

  private HttpResponse<String> open(String path) throws Exception {
    return http.send(request(path).build(), BodyHandlers.ofString(StandardCharsets.UTF_8));
  }

  private HttpResponse<String> manage(String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + managementPort + path);
    return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> admin(HttpClient client, String method, String path)
      throws Exception {
    return admin(client, method, path, "");
  }

  private HttpResponse<String> admin(HttpClient client, String method, String path, String body)
      throws Exception {
    URI uri = URI.create(Files.readString(home.resolve("admin/url")).strip() + path);
    return client.send(
        HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  private HttpClient client(Credential credential) throws Exception {
    TrustManagerFactory roots = TrustManagerFactory.getInstance("PKIX");
    roots.init(TrustBundle.read(List.of(home.resolve("root.pem"))).trustStore());
    SSLContext tls = SSLContext.getInstance("TLS");
    if (credential == null) {
      tls.init(null, roots.getTrustManagers(), null);
    } else {
      KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
      keys.init(credential.keyStore(), new char[0]);
      tls.init(keys.getKeyManagers(), roots.getTrustManagers(), null);
    }
    return HttpClient.newBuilder().sslContext(tls).build();
  }

  private byte[] ocspRequest() throws Exception {
    CertificateID id =
        new CertificateID(
            new JcaDigestCalculatorProviderBuilder().build().get(CertificateID.HASH_SHA1),
            certificate("ca/issuing.pem"),
            apiCertificate().getSerialNumber());
    return new OCSPReqBuilder().addRequest(id).build().getEncoded();
  }

  private Object ocspStatus() throws Exception {
    HttpResponse<byte[]> answer =
        http.send(
            request("/ocsp")
                .header("Content-Type", "application/ocsp-request")
                .POST(HttpRequest.BodyPublishers.ofByteArray(ocspRequest()))
                .build(),
            BodyHandlers.ofByteArray());
    BasicOCSPResp basic = (BasicOCSPResp) new OCSPResp(answer.body()).getResponseObject();
    return basic.getResponses()[0].getCertStatus();
  }

  private X509CRL crl() throws Exception {
    HttpResponse<byte[]> answer =
        http.send(request("/crl/issuing.crl").build(), BodyHandlers.ofByteArray());
    return (X509CRL)
        CertificateFactory.getInstance("X.509")
            .generateCRL(new ByteArrayInputStream(answer.body()));
  }
}
