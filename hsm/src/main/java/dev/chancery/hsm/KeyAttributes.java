package dev.chancery.hsm;

import java.util.ArrayList;
import java.util.List;

/**
 * What a token says of a private key (PKCS #11 v2.40 sections 4.8 and 4.9). An attribute that the
 * token does not tell has its weaker value here.
 */
public record KeyAttributes(
    boolean sensitive,
    boolean alwaysSensitive,
    boolean extractable,
    boolean neverExtractable,
    boolean sign,
    boolean decrypt,
    boolean unwrap) {

  /** In what the key is weaker than one that was generated here; empty when it is not. */
  public List<String> weaknesses() {
    List<String> weaknesses = new ArrayList<>();
    if (!sensitive) {
      weaknesses.add("its value can be read (not CKA_SENSITIVE)");
    } else if (!alwaysSensitive) {
      weaknesses.add("its value could once be read (not CKA_ALWAYS_SENSITIVE)");
    }
    if (extractable) {
      weaknesses.add("it can be taken out of the token wrapped (CKA_EXTRACTABLE)");
    } else if (!neverExtractable) {
      weaknesses.add("it could once be taken out of the token (not CKA_NEVER_EXTRACTABLE)");
    }
    if (decrypt || unwrap) {
      weaknesses.add("it can do more than sign (CKA_DECRYPT or CKA_UNWRAP)");
    }
    return List.copyOf(weaknesses);
  }
}
