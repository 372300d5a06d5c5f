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
import java.util.Optional;
import java.util.Set;
import org.jooq.SQLDialect;

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
        settings(
            List.of(
                new EndpointBuilder(AcmeEndpoint.DEFAULT, url)
                    .profiles(TestAuthority.PROFILE, TestAuthority.PROFILES)
                    .termsOfService(termsOfService)
                    .build(),
                new EndpointBuilder("other", url).challenges(HTTP_ONLY).build(),
                new EndpointBuilder("drafts", url).challenges(DRAFTS).build(),
                new EndpointBuilder(OPTIONAL_BINDING, url).binding(BindingRule.OPTIONAL).build(),
                new EndpointBuilder(REQUIRED_BINDING, url).binding(BindingRule.REQUIRED).build(),
                new EndpointBuilder(STRICT, url)
                    .authorizations(new AuthorizationUse(false, false))
                    .build()));
    this.server = newServer();
    serve(server, port);
  }

  /** The settings of a node with other endpoints. */
  AcmeSettings settings(List<AcmeEndpoint> endpoints) {
    return new AcmeSettings(
        endpoints,
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
  }

  private void serve(AcmeServer served, int port) {
    Javalin web = Javalin.create(config -> served.routes(config.routes));
    web.start("localhost", port);
    parts.add(web::stop);
  }

  /** Another node with a socket of its own, behind the same external URL. */
  URI secondNode() {
    return serve(newServer());
  }

  /** Gives a server a socket of its own; the URLs that it gives out stay those of its settings. */
  URI serve(AcmeServer served) {
    int port = freePort();
    serve(served, port);
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

  /** Does something while no connection to the database can be had. */
  @SuppressWarnings("try") // the connections are held, not used
  void whileNoneConnects(Runnable action) throws SQLException {
    if (database.sql().dialect() != SQLDialect.H2) {
      holding(CONNECTIONS, action);
      return;
    }
    // Two beside the others, for this thread alone, write.
    try (Connection writing = database.dataSource().getConnection();
        Connection beside = database.dataSource().getConnection()) {
      holding(CONNECTIONS, action);
    }
  }

  private void holding(int connections, Runnable action) {
    if (connections == 0) {
      action.run();
    } else {
      database.sql().connection(held -> holding(connections - 1, action));
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
