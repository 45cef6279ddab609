/** What our own proxy carries right now, by workload. Written per request, read by the verdict and metrics. */
export interface InFlight {
  count(workload: string): number;
}
