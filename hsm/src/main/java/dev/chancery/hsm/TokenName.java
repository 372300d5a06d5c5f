package dev.chancery.hsm;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How a person names a token: by what is written on it, never by a slot number.
 *
 * @param label this or the serial number must be there
 */
public record TokenName(Optional<String> label, Optional<String> serial) {
  public TokenName {
    if (label.isEmpty() && serial.isEmpty()) {
      throw new IllegalArgumentException("a token needs a label or a serial number");
    }
  }

  /** The one initialized token that is named so. */
  CryptokiToken in(Path library, List<CryptokiToken> tokens) throws TokenUnusable {
    List<CryptokiToken> fitting = tokens.stream().filter(this::fits).toList();
    if (fitting.isEmpty()) {
      throw new TokenUnusable(library + " has no " + this + "; it has " + labels(tokens));
    }
    if (fitting.size() > 1) {
      throw new TokenUnusable(
          library
              + " has "
              + fitting.size()
              + " tokens that fit "
              + this
              + ": name the serial number too");
    }
    return fitting.getFirst();
  }

  private boolean fits(CryptokiToken token) {
    return label.map(token.label()::equals).orElse(true)
        && serial.map(token.serial()::equals).orElse(true);
  }

  private static String labels(List<CryptokiToken> tokens) {
    return tokens.isEmpty()
        ? "no token at all"
        : tokens.stream()
            .map(token -> "\"" + Printable.of(token.label()) + "\"")
            .collect(Collectors.joining(", "));
  }

  @Override
  public String toString() {
    return "PKCS #11 token"
        + label.map(text -> " \"" + Printable.of(text) + "\"").orElse("")
        + serial.map(text -> " with serial number " + Printable.of(text)).orElse("");
  }
}
