package dev.chancery.kubernetes;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the cluster's API server whose a token is. It knows of accounts and pods that were deleted,
 * and has to be reached for each login.
 */
final class TokenReview implements ServiceAccountTokens {
  private static final Logger LOG = LoggerFactory.getLogger(TokenReview.class);

  private final ClusterHttp http;
  private final URI reviews;
  private final ObjectMapper json = new ObjectMapper();

  /**
   * @param http shows the token of an account that may review others'
   * @param server the API server's URL
   */
  TokenReview(ClusterHttp http, URI server) {
    this.http = http;
    this.reviews =
        URI.create(
            server.toString().replaceFirst("/+$", "")
                + "/apis/authentication.k8s.io/v1/tokenreviews");
  }

  @Override
  public ServiceAccount verify(String token, String audience) throws VaultProblem {
    ObjectNode review = json.createObjectNode();
    review.put("apiVersion", "authentication.k8s.io/v1").put("kind", "TokenReview");
    review.putObject("spec").put("token", token).putArray("audiences").add(audience);
    JsonNode status = reviewed(review).path("status");
    if (!status.path("authenticated").asBoolean(false)
        || !status.path("error").asText("").isEmpty()) {
      throw VaultProblem.forbidden("the cluster does not know this token, or not for its audience");
    }
    boolean meant = false;
    for (JsonNode one : status.path("audiences")) {
      meant |= audience.equals(one.textValue());
    }
    if (!meant) {
      // An API server that knows no audiences leaves them out, and has not checked them.
      throw VaultProblem.forbidden("the token is not meant for the audience of this role");
    }
    JsonNode user = status.path("user");
    return ServiceAccount.of(user.path("username").asText(""), user.path("uid").asText(""))
        .orElseThrow(() -> VaultProblem.forbidden("the token is not one of a service account"));
  }

  private JsonNode reviewed(ObjectNode review) throws VaultProblem {
    try {
      ClusterHttp.Response response =
          http.send(
              HttpRequest.newBuilder(reviews)
                  .header("Content-Type", "application/json")
                  .header("Accept", "application/json")
                  .POST(HttpRequest.BodyPublishers.ofString(review.toString())));
      if (response.status() / 100 == 2) {
        return json.readTree(response.body());
      }
      LOG.error("the API server answers a TokenReview with status {}", response.status());
    } catch (JsonProcessingException e) {
      // Its message could repeat what it could not read.
      LOG.error("the API server answers a TokenReview with something that is not JSON");
    } catch (IOException e) {
      LOG.error("a TokenReview cannot be asked for: {}", e.toString());
    }
    throw VaultProblem.unavailable("the cluster's API server cannot be asked at the moment");
  }
}
