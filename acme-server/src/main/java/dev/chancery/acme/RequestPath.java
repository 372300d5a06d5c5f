package dev.chancery.acme;

import io.javalin.http.Context;
import java.util.Map;
import java.util.Optional;

/** What a request asked for: the path as it came, and the parts that the route names. */
record RequestPath(String pathAndQuery, Map<String, String> parts, Optional<String> after) {
  static RequestPath of(Context context) {
    String query = context.req().getQueryString();
    return new RequestPath(
        context.req().getRequestURI() + (query == null ? "" : "?" + query),
        context.pathParamMap(),
        Optional.ofNullable(context.req().getParameter("after")));
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
