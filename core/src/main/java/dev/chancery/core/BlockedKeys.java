package dev.chancery.core;

import java.util.Optional;

/** Public keys that are never certified, nor taken to sign requests with. */
public interface BlockedKeys {
  /** Why a key is blocked, in words for the requester; nothing when it is not. */
  Optional<String> reason(SubjectPublicKey key);
}
