package dev.chancery.core;

import java.util.Locale;
import java.util.Optional;

/** The key algorithms and sizes that can be certified; configuration writes them as ec-p256. */
public enum KeyAlgorithm {
  EC_P256,
  EC_P384,
  EC_P521,
  ED25519,
  RSA_2048,
  RSA_3072,
  RSA_4096;

  /** The algorithm that this text names, in the spelling of {@link #toString}. */
  public static Optional<KeyAlgorithm> named(String text) {
    for (KeyAlgorithm algorithm : values()) {
      if (algorithm.toString().equals(text)) {
        return Optional.of(algorithm);
      }
    }
    return Optional.empty();
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
