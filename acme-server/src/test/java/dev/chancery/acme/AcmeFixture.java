package dev.chancery.acme;

import dev.chancery.core.DnsName;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.DatabaseUnusable;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import io.javalin.Javalin;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** An ACME server on a real socket and a real database, with a web server to validate against. */
final class AcmeFixture implements AutoCloseable {
  static final String OPTIONAL_BINDING = "bound";
  static final String REQUIRED_BINDING = "bound-only";
  private static final BindingCipher CIPHER =
      new BindingCipher(new byte[BindingCipher.SECRET_OCTETS]);

  /** An endpoint where each order has its names proven anew. */
  static final String STRICT = "strict";

  private static final int CONNECTIONS = 16;
  private static final OfferedChallenges HTTP_ONLY =
      new OfferedChallenges(List.of(ChallengeKind.HTTP_01), List.of());
  private static final OfferedChallenges DRAFTS =
      new OfferedChallenges(
          List.of(ChallengeKind.DNS_ACCOUNT_01, ChallengeKind.DNS_PERSIST_01),
          List.of(new DnsName("ca.example"), new DnsName("authority.example")));
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  final TestAuthority authority;
  final WebTarget web = new WebTarget();
  final DnsServer dns = new DnsServer();
  final TlsTarget tls = new TlsTarget();
  final Database database;
  final BindingKeys bindingKeys;
  final URI url;
  final AcmeSettings settings;
  final AcmeServer server;
  private final Clock clock;
  private final List<Runnable> parts = new ArrayList<>();

  AcmeFixture(DatabaseKind kind, Path folder) {
    this(kind, folder, Clock.systemUTC(), Optional.empty());
  }

  AcmeFixture(DatabaseKind kind, Path folder, Clock clock, Optional<URI> termsOfService) {
    this.clock = clock;
    this.authority = new TestAuthority(clock);
    dns.addLoopback("localhost.");
    TestDatabase where = kind.create(folder);
    this.database = open(where);
    this.bindingKeys = new BindingKeys(database, Optional.of(CIPHER), clock, new SecureRandom());
    int port = freePort();
    this.url = URI.create("http://localhost:" + port);
    this.settings =
        new AcmeSettings(
            List.of(
                endpoint(
                    AcmeEndpoint.DEFAULT,
                    termsOfService,
                    BindingRule.NONE,
                    OfferedChallenges.DEFAULT),
                endpoint("other", Optional.empty(), BindingRule.NONE, HTTP_ONLY),
                endpoint("drafts", Optional.empty(), BindingRule.NONE, DRAFTS),
                endpoint(
                    OPTIONAL_BINDING,
                    Optional.empty(),
                    BindingRule.OPTIONAL,
                    OfferedChallenges.DEFAULT),
                endpoint(
                    REQUIRED_BINDING,
                    Optional.empty(),
                    BindingRule.REQUIRED,
                    OfferedChallenges.DEFAULT),
                new AcmeEndpoint(
                    STRICT,
                    TestAuthority.ISSUER,
                    TestAuthority.PROFILE,
                    Map.of(),
                    url,
                    Optional.empty(),
                    Optional.empty(),
                    BindingRule.NONE,
                    OfferedChallenges.DEFAULT,
                    10,
                    new AuthorizationUse(false, false))),
            web.port(),
            tls.port(),
            new HashSet<>(Set.of(web.port())),
            TargetNetworks.byDefault(),
            List.of(dns.address()),
            Optional.empty(),
            List.of(Duration.ofMillis(50), Duration.ofMillis(100)),
            16,
            Duration.ofDays(1),
            Duration.ofDays(7),
            Duration.ofHours(6),
            3,
            Retention.USUAL);
    this.server = newServer();
    serve(server, port);
  }

  private void serve(AcmeServer served, int port) {
    Javalin web = Javalin.create(config -> served.routes(config.routes));
    web.start("localhost", port);
    parts.add(web::stop);
  }

  /** Another node with a socket of its own, behind the same external URL. */
  URI secondNode() {
    int port = freePort();
    serve(newServer(), port);
    return URI.create("http://localhost:" + port);
  }

  /** Another node: a server on the same database and authority, without a socket. */
  AcmeServer newServer() {
    return newServer(settings);
  }

  /** Another node with other settings. */
  AcmeServer newServer(AcmeSettings settings) {
    AcmeServer made =
        new AcmeServer(settings, database, bindingKeys, authority, clock, new SecureRandom());
    parts.add(made::close);
    return made;
  }

  private AcmeEndpoint endpoint(
      String name,
      Optional<URI> termsOfService,
      BindingRule binding,
      OfferedChallenges challenges) {
    return new AcmeEndpoint(
        name,
        TestAuthority.ISSUER,
        TestAuthority.PROFILE,
        name.equals(AcmeEndpoint.DEFAULT) ? TestAuthority.PROFILES : Map.of(),
        url,
        termsOfService,
        Optional.empty(),
        binding,
        challenges,
        10,
        AuthorizationUse.FULL);
  }

  /** Does something while no connection to the database can be had. */
  void whileNoneConnects(Runnable action) throws SQLException {
    List<Connection> all = new ArrayList<>();
    try {
      while (all.size() < CONNECTIONS) {
        all.add(database.dataSource().getConnection());
      }
      action.run();
    } finally {
      for (Connection connection : all) {
        connection.close();
      }
    }
  }

  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    parts.reversed().forEach(Runnable::run);
    web.close();
    dns.close();
    tls.close();
    database.close();
  }

  static Database open(TestDatabase where) {
    try {
      return Database.open(
          new DatabaseSettings(where.url(), where.user(), where::password, CONNECTIONS, PATIENCE));
    } catch (DatabaseUnusable e) {
      throw new IllegalStateException(e);
    }
  }
}
