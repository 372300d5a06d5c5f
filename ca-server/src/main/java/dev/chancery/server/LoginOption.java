package dev.chancery.server;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.TokenCeremony;
import dev.chancery.hsm.TokenModule;
import dev.chancery.hsm.TokenName;
import dev.chancery.hsm.TokenUnusable;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of a command that needs the token's PIN, which comes from a file alone. */
final class LoginOption {
  @Mixin private TokenOption token = new TokenOption();

  @Option(
      names = "--pin-file",
      paramLabel = "FILE",
      description = "holds the user PIN (default: the home's, for the home's token)")
  private @Nullable Path pinFile;

  LibraryOption.Choice choose() throws ConfigurationInvalid, WrongUsage {
    return token.choose();
  }

  TokenName name(LibraryOption.Choice choice) throws WrongUsage {
    return token.name(choice);
  }

  Path pinFile(LibraryOption.Choice choice) throws WrongUsage {
    if (pinFile != null) {
      return pinFile;
    }
    if (choice.home().isEmpty() || token.isNamed()) {
      // The home's PIN would be a wrong one for another token, and tokens lock.
      throw new WrongUsage("--pin-file is needed, unless the token is the home's");
    }
    return choice.home().get().resolve(choice.configuration().orElseThrow().token().pinFile());
  }

  /** Logs in, with one attempt. */
  TokenCeremony open(LibraryOption.Choice choice) throws WrongUsage, TokenUnusable, TokenAway {
    TokenName name = name(choice);
    Path pin = pinFile(choice);
    TokenModule module = choice.load();
    return module.open(name, pin);
  }
}
