package dev.chancery.hsm;

import java.util.Optional;

/**
 * What a module says when it is asked for an attribute of an object (C_GetAttributeValue, PKCS #11
 * v2.40 section 5.7). A call that fails says nothing of the attribute: that is a {@link
 * CryptokiError}.
 */
sealed interface AttributeAnswer<T> {
  /** The object has the attribute. */
  record Told<T>(T content) implements AttributeAnswer<T> {}

  /** The object has no such attribute, or the module has never heard of it. */
  record Unknown<T>() implements AttributeAnswer<T> {}

  /** The object has the attribute, and the module does not show it (CKR_ATTRIBUTE_SENSITIVE). */
  record Withheld<T>() implements AttributeAnswer<T> {}

  /** For callers to whom it is the same why there is none. */
  default Optional<T> value() {
    return switch (this) {
      case Told<T>(T content) -> Optional.of(content);
      case Unknown<T> _, Withheld<T> _ -> Optional.empty();
    };
  }
}
