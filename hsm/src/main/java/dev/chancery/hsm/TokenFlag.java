package dev.chancery.hsm;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** What a token says of its state (PKCS #11 v2.40 section 3.2, CK_TOKEN_INFO). */
public enum TokenFlag {
  INITIALIZED(0x400),
  USER_PIN_SET(0x8),
  LOGIN_REQUIRED(0x4),
  WRITE_PROTECTED(0x2),
  PIN_PAD(0x100),
  PIN_COUNT_LOW(0x10000),
  PIN_FINAL_TRY(0x20000),
  PIN_LOCKED(0x40000),
  PIN_TO_BE_CHANGED(0x80000),
  SO_PIN_COUNT_LOW(0x100000),
  SO_PIN_FINAL_TRY(0x200000),
  SO_PIN_LOCKED(0x400000),
  SO_PIN_TO_BE_CHANGED(0x800000),
  ERROR_STATE(0x1000000);

  private final long bit;

  TokenFlag(long bit) {
    this.bit = bit;
  }

  static Set<TokenFlag> of(long flags) {
    Set<TokenFlag> set = EnumSet.noneOf(TokenFlag.class);
    for (TokenFlag flag : values()) {
      if ((flags & flag.bit) != 0) {
        set.add(flag);
      }
    }
    return Collections.unmodifiableSet(set);
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
