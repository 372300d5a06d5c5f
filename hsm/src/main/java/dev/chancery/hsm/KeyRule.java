package dev.chancery.hsm;

import java.util.Locale;
import java.util.Optional;

/** What the attributes of a private key should be (PKCS #11 v2.40 sections 4.8 and 4.9). */
enum KeyRule {
  SENSITIVE(CryptokiAttribute.CKA_SENSITIVE, true, "its value can be read"),
  ALWAYS_SENSITIVE(CryptokiAttribute.CKA_ALWAYS_SENSITIVE, true, "its value could once be read"),
  EXTRACTABLE(CryptokiAttribute.CKA_EXTRACTABLE, false, "it can be taken out of the token wrapped"),
  NEVER_EXTRACTABLE(
      CryptokiAttribute.CKA_NEVER_EXTRACTABLE, true, "it could once be taken out of the token"),
  LOCAL(CryptokiAttribute.CKA_LOCAL, true, "it was made elsewhere and brought into the token"),
  PRIVATE(CryptokiAttribute.CKA_PRIVATE, true, "it can be used without a login"),
  SIGN(CryptokiAttribute.CKA_SIGN, true, "it may not sign"),
  SIGN_RECOVER(CryptokiAttribute.CKA_SIGN_RECOVER, false, "it can do more than sign"),
  DECRYPT(CryptokiAttribute.CKA_DECRYPT, false, "it can do more than sign"),
  UNWRAP(CryptokiAttribute.CKA_UNWRAP, false, "it can do more than sign"),
  DERIVE(CryptokiAttribute.CKA_DERIVE, false, "it can do more than sign"),
  ALWAYS_AUTHENTICATE(
      CryptokiAttribute.CKA_ALWAYS_AUTHENTICATE,
      false,
      "the token wants the PIN again for every signature");

  private final CryptokiAttribute attribute;
  private final boolean right;
  private final String otherwise;

  KeyRule(CryptokiAttribute attribute, boolean right, String otherwise) {
    this.attribute = attribute;
    this.right = right;
    this.otherwise = otherwise;
  }

  CryptokiAttribute attribute() {
    return attribute;
  }

  /** What is wrong with a key of whose attribute the module says this; empty when nothing is. */
  Optional<Finding> finding(String subject, AttributeAnswer<Boolean> answer) {
    return switch (answer) {
      case AttributeAnswer.Told<Boolean>(Boolean value) ->
          value == right
              ? Optional.empty()
              : Optional.of(Finding.fail(subject, attribute + " is " + value + ": " + otherwise));
      case AttributeAnswer.Unknown<Boolean> _ ->
          Optional.of(untold(subject, attribute + " is unknown to this module"));
      case AttributeAnswer.Withheld<Boolean> _ ->
          Optional.of(untold(subject, attribute + " is not shown by this module"));
    };
  }

  private Finding untold(String subject, String detail) {
    return keepsSecret() ? Finding.fail(subject, detail) : Finding.warn(subject, detail);
  }

  // That a key cannot leave its token must be seen to be believed. The others may be unknown to a
  // module that has no such operation.
  private boolean keepsSecret() {
    return switch (this) {
      case SENSITIVE, ALWAYS_SENSITIVE, EXTRACTABLE, NEVER_EXTRACTABLE -> true;
      case LOCAL, PRIVATE, SIGN, SIGN_RECOVER, DECRYPT, UNWRAP, DERIVE, ALWAYS_AUTHENTICATE ->
          false;
    };
  }

  /** The attribute in a list of those that are set. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
