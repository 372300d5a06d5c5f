package dev.chancery.crl;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A part of a representation that a client asked for (RFC 9110 section 14).
 *
 * @param first the position of the first octet
 * @param length of the part
 */
record ByteRange(long first, long length) {
  // Eighteen digits are no overflow, and longer than any file.
  private static final Pattern FORM =
      Pattern.compile("bytes=[ \t]*(?<first>[0-9]{0,18})-(?<last>[0-9]{0,18})[ \t]*");

  /** What a Range field says. */
  sealed interface Wish {
    /** All: nothing was asked for, or something that a server may ignore (section 14.2). */
    record Whole() implements Wish {}

    record Part(ByteRange range) implements Wish {}

    /** None of it is there (section 15.5.17). */
    record NotSatisfiable() implements Wish {}
  }

  /** Of several ranges in one field nothing is made: section 14.2 lets a server ignore them. */
  static Wish parse(Optional<String> field, long available) {
    if (field.isEmpty()) {
      return new Wish.Whole();
    }
    Matcher form = FORM.matcher(field.get());
    if (!form.matches() || (form.group("first").isEmpty() && form.group("last").isEmpty())) {
      return new Wish.Whole();
    }
    if (form.group("first").isEmpty()) {
      long suffix = Math.min(Long.parseLong(form.group("last")), available);
      return suffix == 0
          ? new Wish.NotSatisfiable()
          : new Wish.Part(new ByteRange(available - suffix, suffix));
    }
    long first = Long.parseLong(form.group("first"));
    long last = form.group("last").isEmpty() ? Long.MAX_VALUE : Long.parseLong(form.group("last"));
    if (last < first) {
      return new Wish.Whole();
    }
    if (first >= available) {
      return new Wish.NotSatisfiable();
    }
    return new Wish.Part(new ByteRange(first, Math.min(last, available - 1) - first + 1));
  }

  /** The Content-Range field (section 14.4). */
  String contentRange(long available) {
    return "bytes " + first + "-" + (first + length - 1) + "/" + available;
  }
}
