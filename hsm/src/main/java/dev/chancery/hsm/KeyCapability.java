package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a token can do with one kind of CA key, as its mechanisms say.
 *
 * @param generates whether it can make such a key
 * @param signs whether such a key can sign with this scheme
 * @param hashInToken whether the token then hashes what is signed; else this process does, and a
 *     long CRL need not travel to the token
 */
public record KeyCapability(
    KeyAlgorithm algorithm,
    SigningScheme scheme,
    boolean generates,
    boolean signs,
    boolean hashInToken) {

  /** Of every CA key and scheme. */
  static List<KeyCapability> of(List<TokenMechanism> mechanisms) {
    List<KeyCapability> capabilities = new ArrayList<>();
    for (KeyAlgorithm algorithm : KeyAlgorithm.values()) {
      switch (algorithm) {
        case EC_P256 -> capabilities.add(of(mechanisms, algorithm, 256, false));
        case EC_P384 -> capabilities.add(of(mechanisms, algorithm, 384, false));
        case RSA_2048 -> addRsa(capabilities, mechanisms, algorithm, 2048);
        case RSA_3072 -> addRsa(capabilities, mechanisms, algorithm, 3072);
        case RSA_4096 -> addRsa(capabilities, mechanisms, algorithm, 4096);
        case EC_P521, ED25519 -> {} // cannot be CA keys here
      }
    }
    return List.copyOf(capabilities);
  }

  private static void addRsa(
      List<KeyCapability> capabilities,
      List<TokenMechanism> mechanisms,
      KeyAlgorithm algorithm,
      long bits) {
    capabilities.add(of(mechanisms, algorithm, bits, false));
    capabilities.add(of(mechanisms, algorithm, bits, true));
  }

  private static KeyCapability of(
      List<TokenMechanism> mechanisms, KeyAlgorithm algorithm, long bits, boolean pss) {
    SigningScheme scheme = SigningScheme.of(algorithm, pss);
    CryptokiMechanism generation =
        switch (scheme) {
          case ECDSA_SHA256, ECDSA_SHA384 -> CryptokiMechanism.CKM_EC_KEY_PAIR_GEN;
          case RSA_SHA256, RSA_PSS_SHA256 -> CryptokiMechanism.CKM_RSA_PKCS_KEY_PAIR_GEN;
        };
    CryptokiMechanism bare =
        switch (scheme) {
          case ECDSA_SHA256, ECDSA_SHA384 -> CryptokiMechanism.CKM_ECDSA;
          case RSA_SHA256 -> CryptokiMechanism.CKM_RSA_PKCS;
          case RSA_PSS_SHA256 -> CryptokiMechanism.CKM_RSA_PKCS_PSS;
        };
    // SunPKCS11 takes the first of these that the token has.
    Optional<CryptokiMechanism> hashing =
        switch (scheme) {
          case ECDSA_SHA256 -> Optional.of(CryptokiMechanism.CKM_ECDSA_SHA256);
          case ECDSA_SHA384 -> Optional.of(CryptokiMechanism.CKM_ECDSA_SHA384);
          case RSA_SHA256 -> Optional.of(CryptokiMechanism.CKM_SHA256_RSA_PKCS);
          case RSA_PSS_SHA256 -> Optional.empty();
        };
    // RSASSA-PSS hashes in this process, and yet SunPKCS11 refuses it to a token without this.
    boolean hashKnown =
        scheme != SigningScheme.RSA_PSS_SHA256
            || mechanisms.stream()
                .anyMatch(it -> it.name().equals(CryptokiMechanism.CKM_SHA256.name()));
    boolean hashInToken = hashing.isPresent() && signs(mechanisms, hashing.get(), bits);
    return new KeyCapability(
        algorithm,
        scheme,
        mechanisms.stream()
            .anyMatch(
                it -> it.name().equals(generation.name()) && it.generates() && it.takes(bits)),
        hashKnown && (hashInToken || signs(mechanisms, bare, bits)),
        hashInToken);
  }

  private static boolean signs(
      List<TokenMechanism> mechanisms, CryptokiMechanism mechanism, long bits) {
    return mechanisms.stream()
        .anyMatch(it -> it.name().equals(mechanism.name()) && it.signs() && it.takes(bits));
  }
}
