package dev.chancery.server;

import dev.chancery.hsm.KeyId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which keys a home needs, by their ids. Not by their tokens as well: a key of the same id in
 * another token can be the spare of the one that is used.
 */
final class KeyUses {
  private final Map<KeyId, String> uses = new LinkedHashMap<>();

  /** Of these ids those with a number behind them are used as well: later keys of a signer. */
  private final Map<String, String> numbered = new LinkedHashMap<>();

  static KeyUses of(Optional<Configuration> configuration) {
    KeyUses uses = new KeyUses();
    if (configuration.isPresent()) {
      uses.uses.put(Initialization.ROOT_KEY, "root");
      for (Configuration.IssuerSection issuer : configuration.get().issuers()) {
        uses.uses.put(issuer.keyId(), "issuer " + issuer.name());
        uses.uses.put(issuer.ocspKeyId(), "OCSP of " + issuer.name());
        uses.numbered.put(issuer.ocspKeyId().hex(), "OCSP of " + issuer.name());
      }
    }
    return uses;
  }

  /** Who uses the key; empty when nobody does. */
  Optional<String> of(KeyId id) {
    String withoutNumber = id.hex().substring(0, id.hex().length() - 2);
    return Optional.ofNullable(uses.get(id))
        .or(() -> Optional.ofNullable(numbered.get(withoutNumber)));
  }
}
