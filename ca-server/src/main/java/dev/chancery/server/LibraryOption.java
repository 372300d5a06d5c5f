package dev.chancery.server;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.TokenModule;
import dev.chancery.hsm.TokenUnusable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The options that say which PKCS #11 library a command works with: the home's, or one that is
 * named, so that a machine without a home (the offline root's) needs no configuration.
 */
final class LibraryOption {
  /** A network HSM can take its time to make an RSA key. */
  private static final Duration LIMIT = Duration.ofMinutes(2);

  @Mixin private HomeOption home = new HomeOption();

  @Option(
      names = "--library",
      paramLabel = "FILE",
      description = "the PKCS #11 library, instead of the one that the home configures")
  private @Nullable Path library;

  @Option(
      names = "--environment",
      paramLabel = "KEY=VALUE",
      description = "set before the library is loaded, such as SOFTHSM2_CONF")
  private Map<String, String> environment = new LinkedHashMap<>();

  @Option(
      names = "--initialize-arguments",
      paramLabel = "TEXT",
      description = "what the library is given by C_Initialize, such as the database of NSS")
  private @Nullable String initializeArguments;

  /**
   * What the options come to.
   *
   * @param home the home whose token is meant; empty when the library was named
   * @param configuration of the home, also of one that is there beside a named library
   */
  record Choice(
      Path library,
      Map<String, String> environment,
      Optional<String> initializeArguments,
      Optional<Home> home,
      Optional<Configuration> configuration) {

    TokenModule load() throws TokenUnusable, TokenAway {
      return TokenModule.load(library, environment, initializeArguments, LIMIT);
    }
  }

  Choice choose() throws ConfigurationInvalid, WrongUsage {
    for (String name : environment.keySet()) {
      if (!name.matches("[A-Za-z_][A-Za-z0-9_]*")) {
        throw new WrongUsage("--environment: not the name of a variable: " + name);
      }
    }
    if (library != null) {
      Optional<Home> beside = home.openIfThere();
      return new Choice(
          library.toAbsolutePath().normalize(),
          environment,
          Optional.ofNullable(initializeArguments),
          Optional.empty(),
          beside.isEmpty()
              ? Optional.empty()
              : Optional.of(Configuration.read(beside.get(), Map.of())));
    }
    Home opened = home.open();
    Configuration configuration = Configuration.read(opened, Map.of());
    Configuration.TokenSection section = configuration.token();
    if (section.library().isEmpty()) {
      throw new ConfigurationInvalid(
          opened.configurationFile()
              + ": token.kind is pkcs12: this command is for PKCS #11 tokens, name one by"
              + " --library");
    }
    Map<String, String> variables =
        new LinkedHashMap<>(Tokens.environment(opened, section.environment()));
    variables.putAll(environment);
    return new Choice(
        section.library().get(),
        variables,
        Optional.ofNullable(initializeArguments).or(section::initializeArguments),
        Optional.of(opened),
        Optional.of(configuration));
  }
}
