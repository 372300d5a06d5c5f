package dev.chancery.acme;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An issue-value (RFC 8659 section 4.2): which CA, and under which conditions.
 *
 * @param issuer a domain name in lower case; empty when no CA is meant
 * @param parameters by their tags in lower case: a condition that is spelled in another case is not
 *     to be overlooked
 */
record IssueValue(String issuer, Map<String, String> parameters) {
  private static final int LONGEST = 4096;
  // No repeated groups: for each turn of one, matching takes a piece of the stack.
  private static final String WORD = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
  private static final Pattern LABEL = Pattern.compile(WORD);
  private static final Pattern PARAMETER =
      Pattern.compile("(" + WORD + ")[ \\t]*+=[ \\t]*+([\\x21-\\x3a\\x3c-\\x7e]*+)");

  IssueValue {
    parameters = Map.copyOf(parameters);
  }

  /** Reads it as the grammar says; nothing when it is none, or has a parameter twice. */
  static Optional<IssueValue> parse(String text) {
    if (text.length() > LONGEST) {
      return Optional.empty();
    }
    String[] parts = text.split(";", -1);
    String issuer = stripped(parts[0]);
    if (!issuer.isEmpty() && !isDomain(issuer)) {
      return Optional.empty();
    }
    Map<String, String> parameters = new LinkedHashMap<>();
    boolean none = parts.length == 2 && stripped(parts[1]).isEmpty();
    for (int i = 1; i < parts.length && !none; i++) {
      Matcher parameter = PARAMETER.matcher(stripped(parts[i]));
      if (!parameter.matches()
          || parameters.put(parameter.group(1).toLowerCase(Locale.ROOT), parameter.group(2))
              != null) {
        return Optional.empty();
      }
    }
    return Optional.of(new IssueValue(issuer.toLowerCase(Locale.ROOT), parameters));
  }

  private static boolean isDomain(String text) {
    return Arrays.stream(text.split("\\.", -1)).allMatch(label -> LABEL.matcher(label).matches());
  }

  /** Without the spaces and tabs around it, the only white space of the grammar. */
  private static String stripped(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && isWhiteSpace(text.charAt(from))) {
      from++;
    }
    while (from < to && isWhiteSpace(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isWhiteSpace(char character) {
    return character == ' ' || character == '\t';
  }
}
