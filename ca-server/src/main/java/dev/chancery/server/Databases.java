package dev.chancery.server;

import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.DatabaseUnusable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Opens the database as the configuration describes it. */
final class Databases {
  private static final String FILE = "jdbc:h2:file:";

  /** How long a request waits for a connection. */
  static final Duration PATIENCE = Duration.ofSeconds(5);

  private Databases() {}

  /**
   * Opens the database and brings its schema up to date.
   *
   * @param environment reads an environment variable; null when it is not set
   */
  static Database open(
      Home home, Configuration.DatabaseSection section, UnaryOperator<@Nullable String> environment)
      throws ConfigurationInvalid, DatabaseUnusable {
    String password = password(home, section, environment);
    try {
      return Database.open(
          new DatabaseSettings(
              url(home, section.url()),
              section.user(),
              () -> password,
              section.connections(),
              PATIENCE));
    } catch (IllegalArgumentException e) {
      throw new ConfigurationInvalid(home.configurationFile() + ": database: " + e.getMessage());
    }
  }

  private static String url(Home home, String url) throws ConfigurationInvalid {
    if (!url.startsWith(FILE)) {
      return url;
    }
    Path file = home.resolve(Path.of(url.substring(FILE.length())));
    if (file.startsWith(home.directory()) && !home.directory().equals(file.getParent())) {
      home.privateDirectory(home.directory().relativize(file.getParent()).toString());
    }
    return FILE + file;
  }

  private static String password(
      Home home, Configuration.DatabaseSection section, UnaryOperator<@Nullable String> environment)
      throws ConfigurationInvalid {
    Optional<String> variable = section.passwordVariable();
    if (section.passwordFile().isPresent() && variable.isPresent()) {
      throw new ConfigurationInvalid(
          home.configurationFile()
              + ": database: only one of passwordFile and passwordVariable can be given");
    }
    if (section.passwordFile().isPresent()) {
      return Home.secret(home.resolve(section.passwordFile().get()));
    }
    if (variable.isPresent()) {
      String value = environment.apply(variable.get());
      if (value == null) {
        throw new ConfigurationInvalid(
            home.configurationFile()
                + ": database.passwordVariable: the environment has no "
                + variable.get());
      }
      return value;
    }
    return "";
  }
}
