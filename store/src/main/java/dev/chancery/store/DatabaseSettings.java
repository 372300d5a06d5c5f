package dev.chancery.store;

import java.time.Duration;
import java.util.function.Supplier;

/**
 * Which database, and how many connections to it.
 *
 * @param url jdbc:h2:file:PATH, without options, or jdbc:postgresql://HOST[:PORT]/NAME
 * @param password asked when the database is opened; a supplier, so that no log line that shows the
 *     settings can show the password
 * @param connections how many connections are held at most
 * @param patience how long a request waits for a connection before it is told that there is none
 */
public record DatabaseSettings(
    String url, String user, Supplier<String> password, int connections, Duration patience) {
  // Flyway and the scheduler each hold some while requests go on.
  private static final int FEWEST_CONNECTIONS = 4;
  private static final int MOST_CONNECTIONS = 1000;
  private static final int STANDARD_CONNECTIONS = 16;
  private static final Duration STANDARD_PATIENCE = Duration.ofSeconds(5);

  public DatabaseSettings {
    if (connections < FEWEST_CONNECTIONS || connections > MOST_CONNECTIONS) {
      throw new IllegalArgumentException(
          "a database needs "
              + FEWEST_CONNECTIONS
              + " to "
              + MOST_CONNECTIONS
              + " connections, not "
              + connections);
    }
    if (patience.compareTo(Duration.ofMillis(250)) < 0
        || patience.compareTo(Duration.ofMinutes(1)) > 0) {
      throw new IllegalArgumentException(
          "the patience with a database must be 250 ms to 1 min, not " + patience);
    }
  }

  /**
   * Refuses a URL that no database is opened by here, without opening one.
   *
   * @throws DatabaseUnusable as {@link Database#open} would
   */
  public static void requireUrl(String url) throws DatabaseUnusable {
    DatabaseAddress _ = DatabaseAddress.parse(url);
  }

  /** The database at this address, with 16 connections and a patience of 5 seconds. */
  public static DatabaseSettings of(String url, String user, Supplier<String> password) {
    return new DatabaseSettings(url, user, password, STANDARD_CONNECTIONS, STANDARD_PATIENCE);
  }
}
