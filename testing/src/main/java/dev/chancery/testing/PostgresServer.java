package dev.chancery.testing;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.postgresql.PostgreSQLContainer;

/**
 * One PostgreSQL server for all tests of this JVM: a container where a Docker engine answers, else
 * the real binaries from the repository that Maven uses. It stops with the JVM.
 */
final class PostgresServer {
  private static final Logger LOG = LoggerFactory.getLogger(PostgresServer.class);
  private static @Nullable PostgresServer running;

  private final String address;
  private final String user;
  private final String password;

  private PostgresServer(String address, String user, String password) {
    this.address = address;
    this.user = user;
    this.password = password;
  }

  static synchronized PostgresServer running() {
    if (running == null) {
      running = dockerAnswers() ? container() : binaries();
    }
    return running;
  }

  private static boolean dockerAnswers() {
    try {
      return DockerClientFactory.instance().isDockerAvailable();
    } catch (RuntimeException e) {
      LOG.info("no Docker engine: {}", e.getMessage());
      return false;
    }
  }

  private static PostgresServer container() {
    // Testcontainers itself removes the container when the JVM ends.
    @SuppressWarnings("resource")
    PostgreSQLContainer container =
        new PostgreSQLContainer("postgres:18-alpine").withPassword(TestDatabase.PASSWORD);
    container.start();
    String address = "//" + container.getHost() + ":" + container.getMappedPort(5432) + "/";
    return new PostgresServer(address, container.getUsername(), container.getPassword());
  }

  private static PostgresServer binaries() {
    try {
      // Durability is off unless asked for: tests kill the product, never the database, and only a
      // benchmark wants to pay for what an operator pays for.
      EmbeddedPostgres postgres =
          EmbeddedPostgres.builder()
              .setServerConfig("fsync", System.getProperty("chancery.test.postgresql.fsync", "off"))
              .setServerConfig("max_connections", "200")
              .setPGStartupWait(Duration.ofSeconds(60))
              .start();
      // The binaries trust every local connection, so that any password is right.
      return new PostgresServer(
          "//127.0.0.1:" + postgres.getPort() + "/", "postgres", TestDatabase.PASSWORD);
    } catch (IOException e) {
      throw new UncheckedIOException("PostgreSQL did not start", e);
    }
  }

  TestDatabase createDatabase() {
    String name = "test_" + UUID.randomUUID().toString().replace("-", "");
    try (Connection connection =
            DriverManager.getConnection("jdbc:postgresql:" + address + "postgres", user, password);
        Statement statement = connection.createStatement()) {
      statement.execute("create database " + name);
    } catch (SQLException e) {
      throw new IllegalStateException("cannot create a test database", e);
    }
    return new TestDatabase("jdbc:postgresql:" + address + name, user, password);
  }
}
