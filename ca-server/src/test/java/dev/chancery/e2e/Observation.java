package dev.chancery.e2e;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.net.http.HttpResponse;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What of an answer two ACME servers should have in common. URLs stand here by what they lead to,
 * since servers lay them out as they like (RFC 8555 section 7.1).
 */
record Observation(Map<Aspect, String> values) {
  private static final String NONE = "-";
  private static final Pattern LINK = Pattern.compile("<([^>]*)>\\s*;\\s*rel=\"?([^\";]*)\"?");

  /** A part of an answer. */
  enum Aspect {
    /** The status, and the error's type or, in the body of a success, the object's status. */
    ANSWER("answer"),
    /** Of an authorization: its challenges, each with its status. */
    CHALLENGES("challenges"),
    REPLAY_NONCE("Replay-Nonce"),
    LOCATION("Location"),
    LINK("Link"),
    RETRY_AFTER("Retry-After"),
    CACHE_CONTROL("Cache-Control"),
    CONTENT_TYPE("Content-Type");

    private final String text;

    Aspect(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /**
   * @param urls what the URLs that are known so far lead to
   */
  static Observation of(HttpResponse<String> response, Map<String, String> urls) {
    JsonNode json = json(response);
    Map<Aspect, String> values = new EnumMap<>(Aspect.class);
    values.put(
        Aspect.ANSWER,
        (response.statusCode()
                + " "
                + (isSuccess(response.statusCode())
                    ? object(json)
                    : error(json.path("type").asText(""))))
            .strip());
    values.put(Aspect.CHALLENGES, challenges(json.path("challenges")));
    values.put(
        Aspect.REPLAY_NONCE,
        response.headers().firstValue("Replay-Nonce").isPresent() ? "a nonce" : NONE);
    values.put(
        Aspect.LOCATION,
        response.headers().firstValue("Location").map(url -> named(url, urls)).orElse(NONE));
    values.put(Aspect.LINK, links(response.headers().allValues("Link"), urls));
    values.put(
        Aspect.RETRY_AFTER,
        response.headers().firstValue("Retry-After").isPresent() ? "a time" : NONE);
    List<String> cacheControl = response.headers().allValues("Cache-Control");
    values.put(
        Aspect.CACHE_CONTROL, cacheControl.isEmpty() ? NONE : String.join(", ", cacheControl));
    values.put(Aspect.CONTENT_TYPE, contentType(response));
    return new Observation(values);
  }

  private static JsonNode json(HttpResponse<String> response) {
    try {
      return AcmeKey.JSON.readTree(response.body());
    } catch (JsonProcessingException e) {
      return MissingNode.getInstance();
    }
  }

  private static String error(String type) {
    return type.replace("urn:ietf:params:acme:error:", "");
  }

  /** The status of the object in the body, and the type of the error that it keeps. */
  private static String object(JsonNode json) {
    String status = json.path("status").asText("");
    String error = error(json.path("error").path("type").asText(""));
    return error.isEmpty() ? status : status + " by " + error;
  }

  private static String challenges(JsonNode listed) {
    TreeSet<String> challenges = new TreeSet<>();
    for (JsonNode challenge : listed) {
      challenges.add(challenge.path("type").asText() + " " + challenge.path("status").asText());
    }
    return challenges.isEmpty() ? NONE : String.join(", ", challenges);
  }

  private static String named(String url, Map<String, String> urls) {
    return urls.getOrDefault(url, "a URL");
  }

  private static String links(List<String> headers, Map<String, String> urls) {
    TreeSet<String> found = new TreeSet<>();
    for (String header : headers) {
      Matcher link = LINK.matcher(header);
      while (link.find()) {
        found.add(link.group(2) + ": " + named(link.group(1), urls));
      }
    }
    return found.isEmpty() ? NONE : String.join(", ", found);
  }

  /** RFC 8259 section 11: JSON has no charset parameter, and one that is there says nothing. */
  private static String contentType(HttpResponse<String> response) {
    return response
        .headers()
        .firstValue("Content-Type")
        .map(type -> type.replaceFirst("(json);\\s*charset=utf-8$", "$1"))
        .orElse(NONE);
  }

  /**
   * The aspects in which another answer to the same request differs. Of a success and a failure
   * only what they have in common is compared: the rest differs because they do.
   */
  Set<Aspect> differing(Observation other) {
    Set<Aspect> compared =
        succeeded() == other.succeeded()
            ? EnumSet.allOf(Aspect.class)
            : EnumSet.of(Aspect.ANSWER, Aspect.REPLAY_NONCE, Aspect.CACHE_CONTROL);
    compared.removeIf(aspect -> value(aspect).equals(other.value(aspect)));
    return compared;
  }

  String value(Aspect aspect) {
    return values.getOrDefault(aspect, NONE);
  }

  private boolean succeeded() {
    return isSuccess(Integer.parseInt(value(Aspect.ANSWER).split(" ", 2)[0]));
  }

  private static boolean isSuccess(int status) {
    return status < 300;
  }
}
