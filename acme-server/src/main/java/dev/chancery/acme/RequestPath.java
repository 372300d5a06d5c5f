package dev.chancery.acme;

import io.javalin.http.Context;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What a request asked for: the path as it came, and the parts that the route names. */
record RequestPath(String path, Optional<String> query, Map<String, String> parts) {
  private static final String AFTER = "after=";

  static RequestPath of(Context context) {
    return new RequestPath(
        context.req().getRequestURI(),
        Optional.ofNullable(context.req().getQueryString()),
        context.pathParamMap());
  }

  /** All that follows the host, character for character. */
  String pathAndQuery() {
    return path + query.map(text -> "?" + text).orElse("");
  }

  /**
   * The parameter of that name, as it came: what this server gives out has nothing to decode, and
   * the web server's own reading fails on a query that cannot be decoded.
   */
  Optional<String> after() {
    return query.stream()
        .flatMap(text -> Stream.of(text.split("&")))
        .filter(parameter -> parameter.startsWith(AFTER))
        .map(parameter -> parameter.substring(AFTER.length()))
        .findFirst();
  }

  /** The part that a route calls {id}. */
  String id() throws AcmeProblem {
    return part("id");
  }

  String part(String name) throws AcmeProblem {
    String part = parts.get(name);
    if (part == null) {
      throw AcmeProblem.notFound();
    }
    return part;
  }
}
