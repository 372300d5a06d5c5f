package dev.chancery.hsm;

/** The mechanisms that matter here (PKCS #11 v2.40 and v3.2, pkcs11t.h). */
enum CryptokiMechanism {
  CKM_RSA_PKCS_KEY_PAIR_GEN(0x0),
  CKM_RSA_PKCS(0x1),
  CKM_RSA_PKCS_PSS(0xD),
  CKM_SHA256_RSA_PKCS(0x40),
  CKM_SHA256_RSA_PKCS_PSS(0x43),
  CKM_SHA256(0x250),
  CKM_EC_KEY_PAIR_GEN(0x1040),
  CKM_ECDSA(0x1041),
  CKM_ECDSA_SHA256(0x1044),
  CKM_ECDSA_SHA384(0x1045),
  // Seen, to tell the operator, and not used: SunPKCS11 knows none of them.
  CKM_EC_EDWARDS_KEY_PAIR_GEN(0x1055),
  CKM_EDDSA(0x1057),
  CKM_ML_DSA_KEY_PAIR_GEN(0x1C),
  CKM_ML_DSA(0x1D);

  private final long code;

  CryptokiMechanism(long code) {
    this.code = code;
  }

  long code() {
    return code;
  }

  /** Whether any key is made or signs with it here. */
  boolean used() {
    return switch (this) {
      case CKM_RSA_PKCS_KEY_PAIR_GEN,
          CKM_RSA_PKCS,
          CKM_RSA_PKCS_PSS,
          CKM_SHA256_RSA_PKCS,
          CKM_SHA256,
          CKM_EC_KEY_PAIR_GEN,
          CKM_ECDSA,
          CKM_ECDSA_SHA256,
          CKM_ECDSA_SHA384 ->
          true;
      // RSASSA-PSS hashes here, whatever the token can do: SunPKCS11 is asked for it by that name.
      case CKM_SHA256_RSA_PKCS_PSS,
          CKM_EC_EDWARDS_KEY_PAIR_GEN,
          CKM_EDDSA,
          CKM_ML_DSA_KEY_PAIR_GEN,
          CKM_ML_DSA ->
          false;
    };
  }
}
