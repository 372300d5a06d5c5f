package dev.chancery.server;

import dev.chancery.hsm.TokenName;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that say which token a command works on: the home's, or one that is named. */
final class TokenOption {
  @Mixin private LibraryOption library = new LibraryOption();

  @Option(
      names = "--label",
      paramLabel = "LABEL",
      description = "the token's label, instead of the home's token")
  private @Nullable String label;

  @Option(
      names = "--serial",
      paramLabel = "SERIAL",
      description = "the token's serial number, instead of the home's token or with --label")
  private @Nullable String serial;

  LibraryOption.Choice choose() throws ConfigurationInvalid, WrongUsage {
    return library.choose();
  }

  /** Whether it is another token than the one that the home configures. */
  boolean isNamed() {
    return label != null || serial != null;
  }

  TokenName name(LibraryOption.Choice choice) throws WrongUsage {
    if (isNamed()) {
      return new TokenName(Optional.ofNullable(label), Optional.ofNullable(serial));
    }
    if (choice.home().isEmpty()) {
      throw new WrongUsage("with --library, one of --label and --serial is needed");
    }
    Configuration.TokenSection section = choice.configuration().orElseThrow().token();
    return new TokenName(section.label(), section.serial());
  }
}
