"""The local AWS: moto for state, real processes for SageMaker endpoints.

control         start, find and stop it (what everybody else imports; cheap to import)
server          the process: moto behind the overlay, on 127.0.0.1
overlay         what answers before moto does, one `Service` for each AWS service
sagemaker       registry, models, endpoint configs, endpoints and tags
runtime         InvokeEndpoint
model_server    the process that serves one model, seen from the server
serving_process the process that serves one model, seen from inside
service_model   botocore's service model as a judge of requests
"""
