package dev.chancery.acme;

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
  private static final int CONNECTIONS = 16;
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  final TestAuthority authority = new TestAuthority();
  final WebTarget web = new WebTarget();
  final Database database;
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
    TestDatabase where = kind.create(folder);
    this.database = open(where);
    int port = freePort();
    this.url = URI.create("http://localhost:" + port);
    this.settings =
        new AcmeSettings(
            List.of(
                endpoint(AcmeEndpoint.DEFAULT, termsOfService),
                endpoint("other", Optional.empty())),
            web.port(),
            new HashSet<>(Set.of(web.port())),
            TargetNetworks.byDefault(),
            List.of(),
            List.of(Duration.ofMillis(50), Duration.ofMillis(100)),
            16,
            Duration.ofDays(1),
            Duration.ofDays(7),
            Duration.ofHours(6),
            3);
    this.server = newServer();
    Javalin web = Javalin.create(config -> server.routes(config.routes));
    web.start("localhost", port);
    parts.add(web::stop);
  }

  /** Another node: a server on the same database and authority, without a socket. */
  AcmeServer newServer() {
    return newServer(settings);
  }

  /** Another node with other settings. */
  AcmeServer newServer(AcmeSettings settings) {
    AcmeServer made = new AcmeServer(settings, database, authority, clock, new SecureRandom());
    parts.add(made::close);
    return made;
  }

  private AcmeEndpoint endpoint(String name, Optional<URI> termsOfService) {
    return new AcmeEndpoint(
        name,
        TestAuthority.ISSUER,
        TestAuthority.PROFILE,
        name.equals(AcmeEndpoint.DEFAULT) ? TestAuthority.PROFILES : Map.of(),
        url,
        termsOfService,
        Optional.empty(),
        10);
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
