package dev.chancery.server;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.MemoryToken;
import dev.chancery.hsm.Pkcs11Token;
import dev.chancery.hsm.ReplicatedToken;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.hsm.TokenUnusable;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/** The tokens that the issuers of a configuration use, each opened once. */
final class OpenTokens implements AutoCloseable {
  private final Map<String, Token> byName = new TreeMap<>();

  private OpenTokens() {}

  /**
   * Opens them. A token that others can stand in for need not be there yet: it is waited for while
   * the server works.
   *
   * @param observers who is told of the token with a name
   */
  static OpenTokens open(
      Home home,
      Configuration configuration,
      SecureRandom random,
      Function<String, TokenObserver> observers)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    Set<String> needed = new TreeSet<>();
    Set<String> replicas = new TreeSet<>();
    for (Configuration.IssuerSection issuer : configuration.issuers()) {
      for (List<String> holders : List.of(issuer.tokens(), issuer.ocspTokens())) {
        (holders.size() > 1 ? replicas : needed).addAll(holders);
      }
    }
    configuration.ocsp().foreign().forEach(foreign -> needed.add(foreign.token()));
    replicas.removeAll(needed);
    OpenTokens tokens = new OpenTokens();
    try {
      if (needed.remove(Configuration.MEMORY)) {
        tokens.byName.put(Configuration.MEMORY, new MemoryToken(random));
      }
      for (String name : needed) {
        tokens.byName.put(
            name, Tokens.open(home, section(configuration, name), random, observers.apply(name)));
      }
      for (String name : replicas) {
        tokens.byName.put(
            name, Tokens.openWhenThere(home, section(configuration, name), observers.apply(name)));
      }
      return tokens;
    } catch (ConfigurationInvalid | TokenUnusable | TokenAway | RuntimeException e) {
      tokens.close();
      throw e;
    }
  }

  private static Configuration.TokenSection section(Configuration configuration, String name) {
    return Objects.requireNonNull(configuration.tokens().get(name));
  }

  /** The token with the key of an issuer, or the tokens that hold it. */
  Token ofKey(Configuration.IssuerSection issuer) throws ConfigurationInvalid {
    return held(issuer, issuer.tokens());
  }

  /** The token with the key of an issuer's OCSP signer, or the tokens that hold it. */
  Token ofOcspKey(Configuration.IssuerSection issuer) throws ConfigurationInvalid {
    return held(issuer, issuer.ocspTokens());
  }

  /** The token with a key that a foreign CA has certified. */
  Token ofForeignKey(Configuration.ForeignSection foreign) {
    return named(foreign.token());
  }

  private Token held(Configuration.IssuerSection issuer, List<String> names)
      throws ConfigurationInvalid {
    if (names.size() == 1) {
      return named(names.getFirst());
    }
    List<Pkcs11Token> holders = new ArrayList<>();
    for (String name : names) {
      if (!(named(name) instanceof Pkcs11Token token)) {
        throw issuer.place().refused("only tokens of kind pkcs11 can stand in for each other");
      }
      holders.add(token);
    }
    return new ReplicatedToken(holders);
  }

  private Token named(String name) {
    return Objects.requireNonNull(byName.get(name));
  }

  /** Each token, by its name in the configuration. */
  Map<String, Token> all() {
    return Map.copyOf(byName);
  }

  @Override
  public void close() {
    byName.values().forEach(Token::close);
  }
}
