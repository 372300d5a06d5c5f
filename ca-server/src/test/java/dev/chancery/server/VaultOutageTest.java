package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.kubernetes.Credential;
import dev.chancery.kubernetes.Credentials;
import dev.chancery.kubernetes.NameRules;
import dev.chancery.kubernetes.Role;
import dev.chancery.kubernetes.RoleLogins;
import dev.chancery.kubernetes.RoleName;
import dev.chancery.kubernetes.RolePolicy;
import dev.chancery.kubernetes.Roles;
import dev.chancery.kubernetes.TokenKey;
import dev.chancery.kubernetes.VaultServer;
import dev.chancery.kubernetes.VaultSettings;
import dev.chancery.store.DatabaseAway;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqCrlLedger;
import io.javalin.Javalin;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jooq.exception.DataAccessException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Two nodes of the Vault-shaped API over one real authority whose token fails on demand. */
@DisplayName("The Vault-shaped API in outages")
@Execution(ExecutionMode.CONCURRENT)
class VaultOutageTest {
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final Duration LONGEST_ISSUANCE = Duration.ofSeconds(25);

  @TempDir Path folder;
  private final Clock clock = Clock.systemUTC();
  private final ObjectMapper json = new ObjectMapper();
  private final HttpClient http = HttpClient.newHttpClient();
  private final List<Runnable> parts = new ArrayList<>();
  private OpenedHome opened;
  private FailingAuthority authority;
  private volatile boolean keyAnswers = true;
  private URI one;
  private URI other;
  private Role role;
  private Credentials credentials;

  @BeforeEach
  void serve() throws Exception {
    opened = OpenedHome.open(DevelopmentHome.served(folder.resolve("home")), clock);
    authority = new FailingAuthority(opened.authority());
    SecureRandom random = new SecureRandom();
    credentials = new Credentials(opened.database(), clock, random);
    role =
        new Roles(opened.database(), clock, random)
            .create(
                new RoleName("web"),
                new RolePolicy(
                    OpenedHome.ISSUING,
                    new ProfileId("tls-server"),
                    new NameRules(List.of("dns:a.test"), List.of(), false),
                    Optional.empty(),
                    Optional.empty(),
                    false,
                    OptionalInt.empty()),
                RoleLogins.NONE,
                "test");
    one = node(random, clock);
    // Nodes do not agree to the second, and none takes over what another has just begun.
    other = node(random, Clock.offset(clock, Duration.ofSeconds(40)));
  }

  private URI node(SecureRandom random, Clock clock) throws Exception {
    VaultServer server =
        new VaultServer(
            new VaultSettings(
                "pki",
                List.of(),
                false,
                Duration.ofMinutes(5),
                8,
                2,
                PATIENCE,
                LONGEST_ISSUANCE,
                OpenedHome.ISSUING,
                new IssuerRegistry(opened.database()).all(),
                Configuration.read(opened.home(), Map.of()).profiles(opened.home()),
                TrustBundle.read(List.of(opened.home().rootCertificate())).encoded()),
            new VaultServer.Foundations(
                opened.database(),
                new TokenKey(new byte[TokenKey.SECRET_OCTETS]),
                authority,
                new JooqCrlLedger(opened.database(), clock),
                this::probe,
                clock,
                random));
    Javalin web = Javalin.create(config -> server.routes(config.routes)).start("127.0.0.1", 0);
    parts.add(server::close);
    parts.add(web::stop);
    return URI.create("http://127.0.0.1:" + web.port());
  }

  private void probe(IssuerId issuer) throws TokenAway {
    if (!keyAnswers) {
      throw new TokenAway("pulled out by the test");
    }
  }

  @AfterEach
  void stop() {
    parts.reversed().forEach(Runnable::run);
    opened.close();
    http.close();
  }

  private HttpResponse<String> send(URI node, String path, String token, String body)
      throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(node.resolve(path));
    if (!token.isEmpty()) {
      request.header("X-Vault-Token", token);
    }
    return http.send(
        body.isEmpty()
            ? request.build()
            : request.PUT(HttpRequest.BodyPublishers.ofString(body)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private String secretId(Optional<Integer> uses) throws Refused {
    return credentials
        .create(role, Credential.Kind.SECRET_ID, "", List.of(), uses, Optional.empty(), "test")
        .secret();
  }

  private HttpResponse<String> login(URI node, String secret) throws Exception {
    return send(
        node,
        "/v1/auth/approle/login",
        "",
        VaultHome.object("role_id", role.id().toString(), "secret_id", secret).toString());
  }

  private String token() throws Exception {
    return json.readTree(login(one, secretId(Optional.empty())).body())
        .at("/auth/client_token")
        .asText();
  }

  private static ObjectNode request() throws Exception {
    return VaultHome.object("csr", TestCsr.forName("www.a.test").pem(), "ttl", "24h");
  }

  @Test
  @DisplayName("a key that is away is told at the login and by health, and costs no secret id")
  void awayAtLogin() throws Exception {
    String secret = secretId(Optional.of(1));
    keyAnswers = false;

    HttpResponse<String> refused = login(one, secret);

    assertThat(refused.statusCode()).isEqualTo(503);
    assertThat(refused.headers().firstValue("Retry-After")).contains("2");
    assertThat(json.readTree(refused.body()).path("errors")).hasSize(1);
    assertThat(send(one, "/v1/sys/health", "", "").statusCode()).isEqualTo(503);
    JsonNode seal = json.readTree(send(one, "/v1/sys/seal-status", "", "").body());
    assertThat(seal.path("sealed").asBoolean()).isTrue();
    keyAnswers = true;
    Thread.sleep(1100);
    assertThat(login(one, secret).statusCode()).isEqualTo(200);
  }

  @Test
  @DisplayName("an outage that begins after the login is waited out")
  void waitedOut() throws Exception {
    String token = token();
    authority.failures.set(2);

    assertThat(send(one, "/v1/pki/sign/web", token, request().toString()).statusCode())
        .isEqualTo(200);

    authority.failures.set(1000);
    Instant start = Instant.now();
    HttpResponse<String> given = send(one, "/v1/pki/sign/web", token, request().toString());
    assertThat(given.statusCode()).isEqualTo(503);
    assertThat(given.headers().firstValue("Retry-After")).isPresent();
    assertThat(Duration.between(start, Instant.now())).isGreaterThan(PATIENCE);
    assertThat(given.body()).doesNotContain("pulled out");
  }

  @Test
  @DisplayName("one request sent to two nodes at once is issued once")
  void once() throws Exception {
    String token = token();
    authority.delay = Duration.ofSeconds(1);
    String body = request().toString();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<HttpResponse<String>>> both = new ArrayList<>();
      for (URI node : List.of(one, other, one, other)) {
        both.add(() -> send(node, "/v1/pki/sign/web", token, body));
      }
      Set<String> serials = new java.util.HashSet<>();
      for (Future<HttpResponse<String>> answer : threads.invokeAll(both)) {
        assertThat(answer.get().statusCode()).describedAs(answer.get().body()).isEqualTo(200);
        serials.add(json.readTree(answer.get().body()).at("/data/serial_number").asText());
      }
      assertThat(serials).hasSize(1);
      assertThat(authority.issuances).hasValue(1);
    }
  }

  @Test
  @DisplayName(
      "what a node left that died is taken over by another when an issuance has had its time")
  void diedBeforeItSigned() throws Exception {
    String token = token();
    String body = request().toString();
    String recorded = request().toString();
    authority.death = Death.BEFORE;
    assertThat(send(one, "/v1/pki/sign/web", token, body).statusCode()).isEqualTo(500);
    authority.death = Death.AFTER;
    assertThat(send(one, "/v1/pki/sign/web", token, recorded).statusCode()).isEqualTo(500);
    authority.death = Death.NONE;
    // As though it had recorded the second, and had not come to sign it.
    sql("update certificates set state = 'recorded', signature = null, completed_at = null");

    // One that is at work may be slow: it is waited for.
    assertThat(send(other, "/v1/pki/sign/web", token, body).statusCode()).isEqualTo(503);
    assertThat(authority.issuances).hasValue(1);

    older(LONGEST_ISSUANCE.plusSeconds(1));
    String serial = signed(other, token, body);
    assertThat(signed(one, token, body)).isEqualTo(serial);
    assertThat(authority.issuances).hasValue(2);
    // The serial number that was recorded is given up, and will be no certificate's.
    String another = signed(other, token, recorded);
    assertThat(signed(one, token, recorded)).isEqualTo(another).isNotEqualTo(serial);
    assertThat(authority.issuances).hasValue(3);
    assertThat(states()).containsExactly("issued", "issued", "revoked");
  }

  @Test
  @DisplayName("a certificate whose node died before the answer is the answer of the other node")
  void diedBeforeItAnswered() throws Exception {
    String token = token();
    String body = request().toString();
    authority.death = Death.AFTER;
    assertThat(send(one, "/v1/pki/sign/web", token, body).statusCode()).isEqualTo(500);
    authority.death = Death.NONE;

    String serial = signed(other, token, body);

    assertThat(authority.issuances).hasValue(1);
    assertThat(states()).containsExactly("issued");
    older(Duration.ofSeconds(61));
    assertThat(signed(other, token, body)).isNotEqualTo(serial);
    assertThat(states()).containsExactly("issued", "issued");
  }

  @Test
  @DisplayName("a database that is lost in the middle of an issuance is waited out, and no longer")
  void databaseLost() throws Exception {
    String token = token();
    String body = request().toString();
    authority.lost.add(databaseAway());

    // It takes its own row over at once: it is nobody's who could be at work.
    String serial = signed(one, token, body);

    assertThat(signed(other, token, body)).isEqualTo(serial);
    assertThat(authority.issuances).hasValue(1);
  }

  private DatabaseAway databaseAway() {
    return catchThrowableOfType(
        DatabaseAway.class,
        () ->
            opened
                .database()
                .inTransaction(sql -> {
                  throw new DataAccessException("lost", new SQLException("lost", "08006"));
                }));
  }

  private String signed(URI node, String token, String body) throws Exception {
    HttpResponse<String> answer = send(node, "/v1/pki/sign/web", token, body);
    assertThat(answer.statusCode()).describedAs(answer.body()).isEqualTo(200);
    return json.readTree(answer.body()).at("/data/serial_number").asText();
  }

  private void sql(String statement) {
    opened.database().sql().execute(statement);
  }

  /** As though all that was asked for had been asked for earlier. */
  private void older(Duration by) {
    sql(
        "update vault_signings set made_at = made_at - interval '%d' second"
            .formatted(by.toSeconds()));
  }

  private List<String> states() {
    return opened
        .database()
        .sql()
        .resultQuery("select state from certificates where profile = 'tls-server' order by 1")
        .fetch(0, String.class);
  }

  @Test
  @DisplayName("while there is too much to sign nobody logs in, and who has logged in is served")
  void overload() throws Exception {
    String token = token();
    authority.delay = Duration.ofSeconds(2);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<HttpResponse<String>>> answers = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        String body = request().toString();
        answers.add(threads.submit(() -> send(one, "/v1/pki/sign/web", token, body)));
      }
      Thread.sleep(1000);
      assertThat(login(one, secretId(Optional.empty())).statusCode()).isEqualTo(503);
      for (Future<HttpResponse<String>> answer : answers) {
        assertThat(answer.get().statusCode()).isEqualTo(200);
      }
    }
    assertThat(login(one, secretId(Optional.empty())).statusCode()).isEqualTo(200);
  }

  /** When a node ends in the middle of an issuance. */
  private enum Death {
    NONE,
    BEFORE,
    AFTER
  }

  /** As nothing that a node does after it was killed: no handler of exceptions lets go of a row. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;

    private Killed() {
      super("killed by the test");
    }
  }

  /** The real authority, slow or with a token that is away for some calls. */
  private static final class FailingAuthority implements CertificateAuthority {
    private final CertificateAuthority real;
    private final AtomicInteger failures = new AtomicInteger();
    private final AtomicInteger issuances = new AtomicInteger();
    private volatile Duration delay = Duration.ZERO;
    private final Queue<DatabaseAway> lost = new ConcurrentLinkedQueue<>();
    private volatile Death death = Death.NONE;

    private FailingAuthority(CertificateAuthority real) {
      this.real = real;
    }

    @Override
    public IssuedCertificate issue(IssuanceRequest request) throws Refused, TokenAway {
      if (failures.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
        throw new TokenAway("pulled out by the test");
      }
      try {
        Thread.sleep(delay);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      if (!lost.isEmpty()) {
        throw lost.remove();
      }
      if (death == Death.BEFORE) {
        throw new Killed();
      }
      issuances.incrementAndGet();
      IssuedCertificate issued = real.issue(request);
      if (death == Death.AFTER) {
        throw new Killed();
      }
      return issued;
    }

    @Override
    public void requirePermitted(
        IssuerId issuer,
        ProfileId profile,
        Set<Name> names,
        Optional<Instant> notBefore,
        Optional<Instant> notAfter)
        throws Refused {
      real.requirePermitted(issuer, profile, names, notBefore, notAfter);
    }

    @Override
    public void requireUsable(SubjectPublicKey key) throws Refused {
      real.requireUsable(key);
    }

    @Override
    public void requireNotBlocked(SubjectPublicKey key) throws Refused {
      real.requireNotBlocked(key);
    }

    @Override
    public Optional<IssuedCertificate> settle(RequestId request) {
      return real.settle(request);
    }

    @Override
    public Optional<IssuedCertificate> issued(RequestId request) {
      return real.issued(request);
    }

    @Override
    public void revoke(Revocation revocation) throws Refused {
      real.revoke(revocation);
    }

    @Override
    public Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial) {
      return real.find(issuer, serial);
    }

    @Override
    public List<List<Der>> chains(IssuerId issuer) throws Refused {
      return real.chains(issuer);
    }
  }
}
