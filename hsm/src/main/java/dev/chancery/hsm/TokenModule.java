package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A PKCS #11 module as an operator looks at it: its tokens, and what they can do. Nothing here
 * signs; the commands of docs/token.md are made of it.
 */
public final class TokenModule {
  private static final int LABEL_LENGTH = 32;

  private final Path library;
  private final Cryptoki module;
  private final LimitedCalls calls;

  private TokenModule(Path library, Cryptoki module, LimitedCalls calls) {
    this.library = library;
    this.module = module;
    this.calls = calls;
  }

  /**
   * Loads a module.
   *
   * @param environment what is set in the process's environment first
   * @param limit how long a call of it may take
   * @throws TokenUnusable when it is none
   */
  public static TokenModule load(Path library, Map<String, String> environment, Duration limit)
      throws TokenUnusable, TokenAway {
    return load(library, environment, Optional.empty(), limit);
  }

  /**
   * Loads a module that must be told something.
   *
   * @param environment what is set in the process's environment first
   * @param initializeArguments what C_Initialize is given
   * @param limit how long a call of it may take
   * @throws TokenUnusable when it is none
   */
  public static TokenModule load(
      Path library,
      Map<String, String> environment,
      Optional<String> initializeArguments,
      Duration limit)
      throws TokenUnusable, TokenAway {
    LimitedCalls calls = new LimitedCalls(limit);
    Cryptoki module =
        calls.call(
            library.toString(),
            () -> Cryptoki.load(library, Map.copyOf(environment), initializeArguments));
    return new TokenModule(library, module, calls);
  }

  /** Every token, those too that nobody has initialized yet. */
  public List<TokenInfo> tokens() throws TokenUnusable, TokenAway {
    return calls.call(
        library.toString(),
        () -> {
          List<TokenInfo> tokens = new ArrayList<>();
          for (CryptokiToken token : module.allTokens()) {
            tokens.add(module.info(token));
          }
          return tokens;
        });
  }

  /** One initialized token. */
  public TokenInfo token(TokenName name) throws TokenUnusable, TokenAway {
    return calls.call(name.toString(), () -> module.info(name.in(library, module.tokens())));
  }

  /** The mechanisms of a token, of those that matter here. */
  public List<TokenMechanism> mechanisms(TokenName name) throws TokenUnusable, TokenAway {
    return calls.call(name.toString(), () -> module.mechanisms(name.in(library, module.tokens())));
  }

  /** What a token can do, by each kind of CA key. */
  public List<KeyCapability> capabilities(TokenName name) throws TokenUnusable, TokenAway {
    return KeyCapability.of(mechanisms(name));
  }

  /**
   * Initializes a token that nobody has initialized yet, and sets its user's PIN.
   *
   * @param name with a label; with a serial number too, that token and no other
   * @throws TokenUnusable when there is a token with that label, or none is free. An initialized
   *     token is never touched.
   */
  public TokenInfo initialize(TokenName name, Path securityOfficerPinFile, Path pinFile)
      throws TokenUnusable, TokenAway {
    byte[] label = paddedLabel(name);
    return withPins(
        securityOfficerPinFile,
        pinFile,
        (officer, user) -> {
          CryptokiToken free = free(name);
          requirePins(officer, user, module.info(free));
          module.initialize(free, officer, label);
          setPin(free, name, officer, user);
          return module.info(free);
        });
  }

  /**
   * Goes on with an initialization that ended before the user's PIN was set.
   *
   * @param name of the token, which is initialized
   * @throws TokenUnusable when its user has a PIN, or the security officer's is another one; that
   *     is tried once, and not when one more wrong one would lock it
   */
  public TokenInfo finishInitialization(TokenName name, Path securityOfficerPinFile, Path pinFile)
      throws TokenUnusable, TokenAway {
    return withPins(
        securityOfficerPinFile,
        pinFile,
        (officer, user) -> {
          CryptokiToken token = name.in(library, module.tokens());
          TokenInfo before = module.info(token);
          requirePins(officer, user, before);
          if (before.has(TokenFlag.USER_PIN_SET)) {
            throw new TokenUnusable(name + " has a PIN already: nothing was changed");
          }
          if (before.has(TokenFlag.SO_PIN_FINAL_TRY) || before.has(TokenFlag.SO_PIN_LOCKED)) {
            throw new TokenUnusable(
                "the security officer's PIN of " + name + " is locked, or would be by a wrong one");
          }
          setPin(token, name, officer, user);
          return module.info(token);
        });
  }

  private interface PinWork {
    TokenInfo with(char[] officer, char[] user) throws TokenUnusable, CryptokiError;
  }

  private TokenInfo withPins(Path officerPinFile, Path pinFile, PinWork work)
      throws TokenUnusable, TokenAway {
    return calls.call(
        library.toString(),
        () -> {
          try (SecretFile officer = SecretFile.read("security officer's PIN", officerPinFile);
              SecretFile user = SecretFile.read("PIN", pinFile)) {
            return work.with(officer.characters(), user.characters());
          }
        });
  }

  /** Everything that can be wrong comes first: half an initialization cannot be taken back. */
  private static void requirePins(char[] officer, char[] user, TokenInfo token)
      throws TokenUnusable {
    requireLength("security officer's PIN", officer, token);
    requireLength("PIN", user, token);
    if (Arrays.equals(officer, user)) {
      throw new TokenUnusable("the security officer's PIN is the user's: make two");
    }
  }

  private static byte[] paddedLabel(TokenName name) throws TokenUnusable {
    byte[] label = name.label().orElseThrow().getBytes(StandardCharsets.UTF_8);
    if (label.length == 0
        || label.length > LABEL_LENGTH
        || !name.label().get().strip().equals(name.label().get())
        || !Printable.of(name.label().get()).equals(name.label().get())) {
      // What is shown of it later must be what names it.
      throw new TokenUnusable(
          "a label is 1 to " + LABEL_LENGTH + " octets of printable text without blanks around it");
    }
    byte[] padded = new byte[LABEL_LENGTH];
    Arrays.fill(padded, (byte) ' ');
    System.arraycopy(label, 0, padded, 0, label.length);
    return padded;
  }

  private CryptokiToken free(TokenName name) throws TokenUnusable, CryptokiError {
    List<CryptokiToken> tokens = module.allTokens();
    for (CryptokiToken token : tokens) {
      boolean named = name.serial().map(token.serial()::equals).orElse(false);
      if (token.initialized() && (named || Optional.of(token.label()).equals(name.label()))) {
        throw new TokenUnusable(
            "%s has a token \"%s\" with serial number %s already: nothing was changed"
                .formatted(library, token.label(), token.serial()));
      }
    }
    // They hold nothing: any will do.
    return tokens.stream()
        .filter(token -> !token.initialized())
        .filter(token -> name.serial().map(token.serial()::equals).orElse(true))
        .findFirst()
        .orElseThrow(() ->
            new TokenUnusable(
                library
                    + " has no token that is not initialized"
                    + name.serial().map(serial -> " with serial number " + serial).orElse("")));
  }

  private static void requireLength(String what, char[] pin, TokenInfo token) throws TokenUnusable {
    OptionalLong least = token.shortestPin();
    OptionalLong most = token.longestPin();
    if ((least.isPresent() && pin.length < least.getAsLong())
        || (most.isPresent() && pin.length > most.getAsLong())) {
      throw new TokenUnusable(
          "the %s must have %s to %s characters for this token"
              .formatted(
                  what,
                  least.isPresent() ? least.getAsLong() : 1,
                  most.isPresent() ? most.getAsLong() : "any number of"));
    }
  }

  private void setPin(CryptokiToken token, TokenName name, char[] officerPin, char[] userPin)
      throws TokenUnusable, CryptokiError {
    try (CryptokiSession session = module.open(token, true)) {
      session.loginSecurityOfficer(officerPin);
      try {
        session.initializePin(userPin);
      } finally {
        session.logout();
      }
    } catch (CryptokiError e) {
      throw new TokenUnusable(
          name
              + " was initialized, but its user's PIN could not be set ("
              + e.getMessage()
              + "): set it with the module's own tool",
          e);
    }
  }

  /**
   * Logs in, with one attempt.
   *
   * @throws TokenUnusable when the token or the PIN is not there or not right
   */
  public TokenCeremony open(TokenName name, Path pinFile) throws TokenUnusable, TokenAway {
    return calls.call(
        name.toString(),
        () -> {
          try (SecretFile pin = SecretFile.read("PIN", pinFile)) {
            CryptokiToken token = name.in(library, module.tokens());
            TokenInfo before = module.info(token);
            Pkcs11Login login =
                Pkcs11Login.begin(module, token, name.toString(), pinFile, pin.characters());
            return new TokenCeremony(
                name.toString(),
                module,
                token,
                login,
                calls,
                before,
                PinStrength.of(pin.characters()));
          }
        });
  }
}
