package dev.chancery.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options that say which home a command works on. */
final class HomeOption {
  @Option(
      names = "--home",
      paramLabel = "DIR",
      defaultValue = "${env:CHANCERY_HOME:-./chancery-home}",
      description = "the home directory (default: $CHANCERY_HOME, else ./chancery-home)")
  private Path home = Path.of("chancery-home");

  Home open() throws ConfigurationInvalid {
    return Home.open(home);
  }

  /** The home, when there is one with a configuration: for what can be done without one. */
  Optional<Home> openIfThere() throws ConfigurationInvalid {
    return Files.exists(new Home(home).configurationFile())
        ? Optional.of(Home.open(home))
        : Optional.empty();
  }

  Home planned() throws ConfigurationInvalid {
    return Home.planned(home);
  }

  /** Overrides of the configuration. */
  static final class Overrides {
    @Option(
        names = "--set",
        paramLabel = "KEY=VALUE",
        description = "use this value instead of the configuration file's; KEY is a dotted path")
    private Map<String, String> values = new LinkedHashMap<>();

    Map<String, String> values() {
      return values;
    }
  }
}
